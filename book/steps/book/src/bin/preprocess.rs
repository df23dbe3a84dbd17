//! A preprocessor of mdBook. It changes no page: it builds the steps, and writes what the pages
//! include to `src/generated`.

use std::io::{Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::{env, fs, io};

use book::{Step, diff, root, steps};

fn main() {
    // mdBook asks `supports html` first; all renderers get the same.
    if env::args().nth(1).as_deref() == Some("supports") {
        return;
    }
    let mut input = String::new();
    io::stdin().read_to_string(&mut input).expect("mdBook sends the book");
    if let Err(error) = generate() {
        eprintln!("preprocess: {error}");
        std::process::exit(1);
    }
    io::stdout().write_all(second(&input).as_bytes()).expect("mdBook reads the book");
}

/// Writes the files of all steps.
fn generate() -> io::Result<()> {
    let workspace = root().join("steps");
    let built = Command::new(env::var("CARGO").unwrap_or_else(|_| "cargo".into()))
        .args(["build", "--quiet", "--bins"])
        .current_dir(&workspace)
        .stdout(Stdio::null())
        .status()?;
    if !built.success() {
        return Err(io::Error::other("the steps do not compile"));
    }
    let steps = steps();
    let programs = env::current_exe()?;
    let programs = programs.parent().expect("a program has a folder");
    for (n, step) in steps.iter().enumerate() {
        let folder = root().join("src/generated").join(&step.number);
        fs::create_dir_all(&folder)?;
        let before = n.checked_sub(1).map(|n| &steps[n]);
        write(&folder.join("diff.diff"), &diff::between(before, step).0)?;
        run(step, programs, &folder)?;
    }
    Ok(())
}

/// Runs a step twice: as a reader does, and for its figures and measurements.
fn run(step: &Step, programs: &Path, folder: &Path) -> io::Result<()> {
    let program = programs.join(format!("step{}", step.number));
    let output = Command::new(&program).output()?;
    if !output.status.success() {
        return Err(io::Error::other(format!(
            "{} failed: {}",
            step.name(),
            String::from_utf8_lossy(&output.stderr)
        )));
    }
    write(&folder.join("run.txt"), &String::from_utf8_lossy(&output.stdout))?;
    let output = Command::new(&program).arg("book").arg(folder).output()?;
    if !output.status.success() {
        return Err(io::Error::other(format!(
            "{} draws nothing: {}",
            step.name(),
            String::from_utf8_lossy(&output.stderr)
        )));
    }
    Ok(())
}

fn write(file: &Path, text: &str) -> io::Result<()> {
    fs::write(file, text)
}

/// mdBook sends `[context, book]`, and wants the book: what follows the first top-level comma.
fn second(json: &str) -> &str {
    let (mut depth, mut quoted, mut escaped) = (0, false, false);
    for (n, byte) in json.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            _ if quoted => {}
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth -= 1,
            b',' if depth == 1 => return json[n + 1..].trim_end().trim_end_matches(']').trim(),
            _ => {}
        }
    }
    panic!("mdBook sends an array of two")
}
