//! The import graph of the production sources: which file uses items of which other file.
//!
//! `syn` parses each file that the crates' module trees reach, without what only tests compile.
//! Paths are resolved as the compiler does it, through re-exports, to the file that defines the
//! item: `use` trees, paths in code, and paths among the tokens of macros. A `mod.rs` that only
//! hands names on gets no arrow. Both sides of a `cfg` count.

#![allow(dead_code, reason = "each test file uses its own part of it")]

mod circle;
mod lines;
pub(crate) mod road;
pub(crate) mod rooms;
mod tokens;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use proc_macro2::TokenStream;
use syn::visit::Visit;
use syn::{Item, UseTree};

pub(crate) use circle::circles;
pub(crate) use lines::{Measure, measure};
use rooms::{may_use, room_of};

/// The crates whose files are nodes, by the name that code says, with their root file.
const CRATES: [(&str, &str); 6] = [
    ("myrt_timer", "timer/src/lib.rs"),
    ("myrt_runtime", "runtime/src/lib.rs"),
    ("myrt_net", "net/src/lib.rs"),
    ("myrt_inspect", "inspect/src/lib.rs"),
    ("myrt_sim", "sim/src/lib.rs"),
    ("myrt", "src/lib.rs"),
];

/// A module of a crate: a file, or an inline `mod` of one.
struct Module {
    file: usize,
    root: usize,
    parent: Option<usize>,
    /// Children by name; several where `cfg` chooses between files.
    modules: BTreeMap<String, Vec<usize>>,
    /// Names of the items, and the modules that define them: this one, but for macros that a crate
    /// exports at its root.
    items: BTreeMap<String, usize>,
    /// What `use` gives a name to: the path.
    uses: BTreeMap<String, Vec<Vec<String>>>,
    /// Paths whose names are all here (`use x::*`).
    globs: Vec<Vec<String>>,
    /// Paths in `use` that are more than handed on.
    imports: Vec<Vec<String>>,
    /// Paths of two segments or more, and macros, in code.
    paths: BTreeSet<Vec<String>>,
}

/// A source file.
pub(crate) struct File {
    /// Relative to the root of the tree, such as `runtime/src/executor/slot.rs`.
    pub(crate) path: String,
    pub(crate) measure: Measure,
    /// The rooms or files that the head says it must not depend on.
    pub(crate) must_not: Vec<String>,
}

/// What a path leads to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Target {
    Module(usize),
    /// An item of this module.
    Item(usize),
}

/// All files and arrows.
pub(crate) struct Graph {
    pub(crate) files: Vec<File>,
    /// For each file those that it uses items of, with one such path for the reader.
    pub(crate) arrows: Vec<BTreeMap<usize, String>>,
    modules: Vec<Module>,
    roots: BTreeMap<String, usize>,
}

impl Graph {
    /// Reads the tree that begins at `root`.
    pub(crate) fn read(root: &Path) -> Self {
        let mut graph = Self {
            files: Vec::new(),
            arrows: Vec::new(),
            modules: Vec::new(),
            roots: BTreeMap::new(),
        };
        for (name, file) in CRATES {
            if root.join(file).exists() {
                let module = graph.read_file(root, Path::new(file), None);
                graph.roots.insert(name.to_owned(), module);
            }
        }
        graph.draw();
        graph
    }

    /// The file of this path.
    pub(crate) fn file(&self, path: &str) -> Option<usize> {
        self.files.iter().position(|file| file.path == path)
    }

    /// The files that define what a path names, such as `myrt_runtime::task::spawn`.
    pub(crate) fn definers(&self, path: &str) -> BTreeSet<usize> {
        let path: Vec<String> = path.split("::").map(str::to_owned).collect();
        let Some(root) = self.roots.get(&path[0]) else {
            return BTreeSet::new();
        };
        self.walk(Target::Module(*root), &path[1..], 0)
            .into_iter()
            .map(|target| self.file_of(target))
            .collect()
    }

    /// All that these files use, directly or not, themselves too, without going through those that
    /// are left out.
    pub(crate) fn closure(
        &self,
        from: &BTreeSet<usize>,
        leave_out: impl Fn(usize) -> bool,
    ) -> BTreeSet<usize> {
        let mut found = from.clone();
        let mut rest: Vec<usize> = from.iter().copied().collect();
        while let Some(file) = rest.pop() {
            let next = self.arrows[file].keys().copied();
            rest.extend(next.filter(|to| !leave_out(*to) && found.insert(*to)));
        }
        found
    }

    fn file_of(&self, target: Target) -> usize {
        let (Target::Module(module) | Target::Item(module)) = target;
        self.modules[module].file
    }

    // ---- reading ----

    fn read_file(&mut self, root: &Path, path: &Path, parent: Option<usize>) -> usize {
        let text = fs::read_to_string(root.join(path))
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let all: TokenStream = text
            .parse()
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let code = tokens::without_tests(all);
        self.files.push(File {
            path: path.display().to_string(),
            measure: measure(&text, &code),
            must_not: must_not(&text),
        });
        let parsed: syn::File =
            syn::parse2(code).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let folder = if path.ends_with("mod.rs") || path.ends_with("lib.rs") {
            path.parent().expect("a folder").to_owned()
        } else {
            path.with_extension("")
        };
        let beside = path.parent().expect("a folder").to_owned();
        let file = self.files.len() - 1;
        self.read_module(root, &parsed.items, file, parent, &folder, &beside)
    }

    fn read_module(
        &mut self,
        root: &Path,
        items: &[Item],
        file: usize,
        parent: Option<usize>,
        folder: &Path,
        beside: &Path,
    ) -> usize {
        let here = self.modules.len();
        let top = parent.map_or(here, |parent| self.modules[parent].root);
        self.modules.push(Module {
            file,
            root: top,
            parent,
            modules: BTreeMap::new(),
            items: BTreeMap::new(),
            uses: BTreeMap::new(),
            globs: Vec::new(),
            imports: Vec::new(),
            paths: BTreeSet::new(),
        });
        let mut words = BTreeSet::new();
        let mut uses = Uses::default();
        for item in items {
            if let Item::Mod(child) = item {
                let name = child.ident.to_string();
                let children = match &child.content {
                    Some((_, items)) => {
                        let folder = folder.join(&name);
                        vec![self.read_module(root, items, file, Some(here), &folder, &folder)]
                    }
                    None => files_of(root, &name, &child.attrs, folder, beside)
                        .iter()
                        .map(|path| self.read_file(root, path, Some(here)))
                        .collect(),
                };
                self.modules[here]
                    .modules
                    .entry(name)
                    .or_default()
                    .extend(children);
                continue;
            }
            if let Some((name, everywhere)) = name_of(item) {
                let at = if everywhere { top } else { here };
                self.modules[at].items.insert(name.clone(), here);
                self.modules[here].items.insert(name, here);
            }
            uses.visit_item(item);
            if !matches!(item, Item::Use(_)) {
                tokens::paths(item, &mut self.modules[here].paths, &mut words);
            }
        }
        let module = &mut self.modules[here];
        for (visible, path, name) in uses.found {
            match name {
                // A name that is only handed on is no use of it.
                Some(name) => {
                    if !visible || words.contains(&name) {
                        module.imports.push(path.clone());
                    }
                    module.uses.entry(name).or_default().push(path);
                }
                None => module.globs.push(path),
            }
        }
        here
    }

    // ---- resolving ----

    fn draw(&mut self) {
        self.arrows = vec![BTreeMap::new(); self.files.len()];
        for here in 0..self.modules.len() {
            let module = &self.modules[here];
            let mut found = Vec::new();
            for path in module.imports.iter().chain(&module.paths) {
                // An imported module is used by the paths that go through it.
                let targets = self.resolve(here, path, 0);
                let items = targets.iter().filter(|t| matches!(t, Target::Item(_)));
                found.extend(items.map(|target| (self.file_of(*target), path.join("::"))));
            }
            let from = module.file;
            for (to, path) in found {
                if to != from {
                    self.arrows[from].entry(to).or_insert(path);
                }
            }
        }
    }

    /// What a path of this module leads to: nothing if it is of another crate.
    fn resolve(&self, here: usize, path: &[String], depth: usize) -> Vec<Target> {
        let module = &self.modules[here];
        let (first, rest) = path.split_first().expect("a path has segments");
        match first.as_str() {
            "crate" | "$crate" => return self.walk(Target::Module(module.root), rest, depth),
            "self" => return self.walk(Target::Module(here), rest, depth),
            "super" => {
                let parent = module.parent.expect("super has a module");
                if rest.first().is_some_and(|next| next == "super") {
                    return self.resolve(parent, rest, depth);
                }
                return self.walk(Target::Module(parent), rest, depth);
            }
            _ => {}
        }
        if let Some(name) = first.strip_suffix('!') {
            // A macro of a module above is in scope by the order of the text.
            let mut at = Some(here);
            while let Some(module) = at {
                if let Some(definer) = self.modules[module].items.get(name) {
                    return vec![Target::Item(*definer)];
                }
                at = self.modules[module].parent;
            }
            return self.lookup(here, name, true, depth);
        }
        let mut found = Vec::new();
        for target in self.lookup(here, first, rest.is_empty(), depth) {
            found.extend(self.walk(target, rest, depth));
        }
        if found.is_empty() {
            if let Some(root) = self.roots.get(first) {
                return self.walk(Target::Module(*root), rest, depth);
            }
        }
        found
    }

    /// Follows the rest of a path from where it has come.
    fn walk(&self, from: Target, rest: &[String], depth: usize) -> Vec<Target> {
        let (Some(name), Target::Module(module)) = (rest.first(), from) else {
            return vec![from];
        };
        let name = name.trim_end_matches('!');
        let mut found = Vec::new();
        for target in self.lookup(module, name, rest.len() == 1, depth) {
            found.extend(self.walk(target, &rest[1..], depth));
        }
        found
    }

    /// What a name means in a module. A module and an item may have the same name: the item is
    /// meant where the path ends.
    fn lookup(&self, here: usize, name: &str, last: bool, depth: usize) -> Vec<Target> {
        // A circle of globs ends here.
        if depth > 16 {
            return Vec::new();
        }
        let module = &self.modules[here];
        let children = || {
            let children = module.modules.get(name).into_iter().flatten();
            children.map(|child| Target::Module(*child)).collect()
        };
        if !last && module.modules.contains_key(name) {
            return children();
        }
        if let Some(definer) = module.items.get(name) {
            return vec![Target::Item(*definer)];
        }
        let mut found = Vec::new();
        for path in module.uses.get(name).into_iter().flatten() {
            // `use x::x`, and a name of another crate.
            if path.len() > 1 || path[0] != name {
                found.extend(self.resolve(here, path, depth + 1));
            }
        }
        if found.is_empty() {
            found = children();
        }
        if found.is_empty() {
            for glob in &module.globs {
                for target in self.resolve(here, glob, depth + 1) {
                    if let Target::Module(module) = target {
                        found.extend(self.lookup(module, name, last, depth + 1));
                    }
                }
            }
        }
        found
    }
}

/// The name of an item, and whether it is a macro that the whole crate sees.
fn name_of(item: &Item) -> Option<(String, bool)> {
    let name = match item {
        Item::Const(item) => &item.ident,
        Item::Enum(item) => &item.ident,
        Item::Fn(item) => &item.sig.ident,
        Item::Static(item) => &item.ident,
        Item::Struct(item) => &item.ident,
        Item::Trait(item) => &item.ident,
        Item::Type(item) => &item.ident,
        Item::Union(item) => &item.ident,
        Item::Macro(item) => {
            let exported = |attr: &syn::Attribute| attr.path().is_ident("macro_export");
            // `pin_project! { pub struct Name … }` and its like define what stands behind the
            // keyword.
            let Some(name) = &item.ident else {
                return tokens::defined_in(&item.mac.tokens).map(|name| (name, false));
            };
            return Some((name.to_string(), item.attrs.iter().any(exported)));
        }
        _ => return None,
    };
    Some((name.to_string(), false))
}

/// The files of `mod name;`: the usual one, or those that `path` attributes name, behind a `cfg` or
/// not.
fn files_of(
    root: &Path,
    name: &str,
    attrs: &[syn::Attribute],
    folder: &Path,
    beside: &Path,
) -> Vec<PathBuf> {
    let mut named = Vec::new();
    for attr in attrs {
        if attr.path().is_ident("path") || attr.path().is_ident("cfg_attr") {
            named.extend(tokens::path_attribute(attr).map(|path| beside.join(path)));
        }
    }
    let plain = folder.join(format!("{name}.rs"));
    let usual = if root.join(&plain).exists() {
        plain
    } else {
        folder.join(name).join("mod.rs")
    };
    let chosen = attrs.iter().any(|attr| attr.path().is_ident("path"));
    if !chosen && root.join(&usual).exists() {
        named.push(usual);
    }
    named
}

/// The names behind `Must not depend on:` in the head of a file.
fn must_not(text: &str) -> Vec<String> {
    let head = text.lines().map_while(|line| line.strip_prefix("//!"));
    let head: String = head.map(str::trim).collect::<Vec<_>>().join(" ");
    let Some((_, list)) = head.split_once("Must not depend on:") else {
        return Vec::new();
    };
    let list = list.split(". ").next().unwrap_or_default();
    list.trim_end_matches('.')
        .split([',', ' '])
        .map(|name| name.trim_matches(['`', '/', ' ']).to_owned())
        .filter(|name| !name.is_empty() && name != "and" && name != "or")
        .collect()
}

/// All `use` of an item, those inside of functions too: whether they are visible outside, path,
/// name.
#[derive(Default)]
struct Uses {
    found: Vec<(bool, Vec<String>, Option<String>)>,
}

impl Uses {
    fn tree(&mut self, visible: bool, before: &[String], tree: &UseTree) {
        let with = |name: &syn::Ident| {
            let mut path = before.to_vec();
            path.push(name.to_string());
            path
        };
        match tree {
            UseTree::Path(tree) => self.tree(visible, &with(&tree.ident), &tree.tree),
            UseTree::Group(tree) => {
                for tree in &tree.items {
                    self.tree(visible, before, tree);
                }
            }
            UseTree::Name(tree) if tree.ident == "self" => {
                let name = before.last().cloned();
                self.found.push((visible, before.to_vec(), name));
            }
            UseTree::Name(tree) => {
                let name = Some(tree.ident.to_string());
                self.found.push((visible, with(&tree.ident), name));
            }
            UseTree::Rename(tree) => {
                let path = if tree.ident == "self" {
                    before.to_vec()
                } else {
                    with(&tree.ident)
                };
                self.found
                    .push((visible, path, Some(tree.rename.to_string())));
            }
            UseTree::Glob(_) => self.found.push((visible, before.to_vec(), None)),
        }
    }
}

impl<'ast> Visit<'ast> for Uses {
    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        let visible = !matches!(item.vis, syn::Visibility::Inherited);
        self.tree(visible, &[], &item.tree);
    }

    fn visit_item_mod(&mut self, _: &'ast syn::ItemMod) {
        // An inline module has a node of its own.
    }
}
