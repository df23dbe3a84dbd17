//! Circles of a graph: Tarjan's strongly connected components of more than one node.

use std::collections::BTreeMap;

/// The circles, the largest first.
pub(crate) fn circles(arrows: &[BTreeMap<usize, String>]) -> Vec<Vec<usize>> {
    let mut walk = Walk {
        arrows,
        next: 0,
        number: vec![None; arrows.len()],
        lowest: vec![0; arrows.len()],
        on_stack: vec![false; arrows.len()],
        stack: Vec::new(),
        found: Vec::new(),
    };
    for node in 0..arrows.len() {
        if walk.number[node].is_none() {
            walk.visit(node);
        }
    }
    walk.found
        .sort_by_key(|circle| std::cmp::Reverse(circle.len()));
    walk.found
}

struct Walk<'a> {
    arrows: &'a [BTreeMap<usize, String>],
    next: usize,
    number: Vec<Option<usize>>,
    /// The lowest number that is reached from a node and still on the stack.
    lowest: Vec<usize>,
    on_stack: Vec<bool>,
    stack: Vec<usize>,
    found: Vec<Vec<usize>>,
}

impl Walk<'_> {
    /// As deep as the longest chain of files: a recursion is enough.
    fn visit(&mut self, node: usize) {
        self.number[node] = Some(self.next);
        self.lowest[node] = self.next;
        self.next += 1;
        self.stack.push(node);
        self.on_stack[node] = true;
        let arrows = self.arrows;
        for to in arrows[node].keys() {
            match self.number[*to] {
                None => {
                    self.visit(*to);
                    self.lowest[node] = self.lowest[node].min(self.lowest[*to]);
                }
                Some(number) if self.on_stack[*to] => {
                    self.lowest[node] = self.lowest[node].min(number);
                }
                Some(_) => {}
            }
        }
        if Some(self.lowest[node]) == self.number[node] {
            let at = self.stack.iter().position(|other| *other == node);
            let circle = self.stack.split_off(at.expect("a node is on the stack"));
            for other in &circle {
                self.on_stack[*other] = false;
            }
            if circle.len() > 1 {
                self.found.push(circle);
            }
        }
    }
}
