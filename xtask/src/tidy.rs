//! `cargo xtask tidy`: what no compiler checks.
//!
//! * ARCHITECTURE.md names only paths that exist.
//! * Every file below `testdata` stands in its README and in a test.
//! * No file holds a path of somebody's machine; every Rust file says at its top what it is.
//! * A table in `docs/spec` under `<!-- constants: PATH -->` has the values of the constants in that file.

use std::{fs, path::Path};

use crate::sh::{self, Args, Result};

pub(crate) fn run(args: &mut Args) -> Result {
    args.done()?;
    all()
}

pub(crate) fn all() -> Result {
    let root = sh::root();
    let files = tracked(&root)?;
    let mut findings = Vec::new();
    paths_in_architecture(&root, &mut findings)?;
    test_data(&root, &files, &mut findings)?;
    for file in &files {
        let Ok(text) = fs::read_to_string(root.join(file)) else { continue };
        if !file.starts_with("testdata/") {
            machine_paths(file, &text, &mut findings);
        }
        if file.ends_with(".rs") && !text.starts_with("//!") {
            findings.push(format!("{file}: opens without a line of `//!` that says what it is"));
        }
        if file.starts_with("docs/spec/") {
            constants(&root, file, &text, &mut findings)?;
        }
    }
    if findings.is_empty() {
        println!("{} files are tidy", files.len());
        return Ok(());
    }
    Err(format!("{} findings\n  {}", findings.len(), findings.join("\n  ")).into())
}

/// Every file that git knows or would add, as `/`-separated paths.
fn tracked(root: &Path) -> Result<Vec<String>> {
    let mut git = std::process::Command::new("git");
    git.current_dir(root).args(["ls-files", "--cached", "--others", "--exclude-standard", "-z"]);
    let listed = String::from_utf8(sh::capture(&mut git)?)?;
    let mut files: Vec<String> = listed.split('\0').filter(|f| !f.is_empty()).map(str::to_owned).collect();
    files.retain(|file| root.join(file).is_file());
    files.sort();
    files.dedup();
    Ok(files)
}

/// Words in backticks and in drawings that look like a path of this repository must be one.
fn paths_in_architecture(root: &Path, findings: &mut Vec<String>) -> Result {
    const TOPS: [&str; 7] = ["crates/", "xtask/", "docs/", "testdata/", "benches/", "fuzz/", ".ci/"];
    let Ok(text) = fs::read_to_string(root.join("ARCHITECTURE.md")) else {
        findings.push("ARCHITECTURE.md: is not there".into());
        return Ok(());
    };
    for (number, line) in (1..).zip(text.lines()) {
        for word in line.split(|c: char| c.is_whitespace() || "`()[]{},;|\"'<>".contains(c)) {
            let path = word.trim_end_matches(['.', ':']);
            if TOPS.iter().any(|top| path.starts_with(top)) && !path.contains('*') && !root.join(path).exists() {
                findings.push(format!("ARCHITECTURE.md:{number}: there is no {path}"));
            }
        }
    }
    Ok(())
}

fn test_data(root: &Path, files: &[String], findings: &mut Vec<String>) -> Result {
    let readme = fs::read_to_string(root.join("testdata/README.md")).unwrap_or_default();
    let mut tests = String::new();
    for file in files.iter().filter(|f| f.ends_with(".rs") && (f.contains("/tests/") || f.starts_with("xtask/"))) {
        tests += &fs::read_to_string(root.join(file))?;
    }
    for file in files.iter().filter_map(|f| f.strip_prefix("testdata/")).filter(|f| *f != "README.md") {
        let name = file.rsplit('/').next().unwrap_or(file);
        let folder = file.strip_suffix(name).unwrap_or_default().trim_end_matches('/');
        if !readme.contains(name) {
            findings.push(format!("testdata/{file}: not in testdata/README.md"));
        }
        // A test may name the file, or walk the folder it lies in.
        if !tests.contains(name) && (folder.is_empty() || !tests.contains(&format!("\"testdata/{folder}\""))) {
            findings.push(format!("testdata/{file}: no test names it"));
        }
    }
    Ok(())
}

/// Paths that exist on one machine only.
fn machine_paths(file: &str, text: &str, findings: &mut Vec<String>) {
    for (number, line) in (1..).zip(text.lines()) {
        for top in ["home", "root", "work", "opt", "Users"] {
            let start = format!("/{top}/");
            let found = line.match_indices(&start).any(|(at, _)| {
                let before = line[..at].chars().next_back();
                let (folder, below) = line[at + start.len()..].split_once('/').unwrap_or_default();
                // After a letter or a tilde it is the inside of some other path; without a file below it is nobody's.
                let inside = before.is_some_and(|c| c.is_alphanumeric() || "~._-{}$".contains(c));
                !inside
                    && !folder.is_empty()
                    && !below.is_empty()
                    && folder.chars().all(|c| c.is_alphanumeric() || "._-".contains(c))
            });
            if found {
                findings.push(format!("{file}:{number}: a path of one machine ({start}…)"));
            }
        }
    }
}

/// Rows `| NAME | value | …` below a mark that names the file with `const NAME: … = value;`.
fn constants(root: &Path, file: &str, text: &str, findings: &mut Vec<String>) -> Result {
    let mut source: Option<(String, String)> = None;
    for (number, line) in (1..).zip(text.lines()) {
        if let Some(path) = line.trim().strip_prefix("<!-- constants: ").and_then(|rest| rest.strip_suffix(" -->")) {
            match fs::read_to_string(root.join(path)) {
                Ok(code) => source = Some((path.to_owned(), code)),
                Err(error) => findings.push(format!("{file}:{number}: {path}: {error}")),
            }
            continue;
        }
        let Some((path, code)) = &source else { continue };
        let Some(row) = line.trim().strip_prefix('|') else {
            if !line.trim().is_empty() {
                source = None;
            }
            continue;
        };
        let cells: Vec<&str> = row.split('|').map(|cell| cell.trim().trim_matches('`')).collect();
        let (Some(name), Some(value)) = (cells.first(), cells.get(1)) else { continue };
        if name.is_empty() || !name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_') {
            continue;
        }
        match constant(code, name) {
            Some(found) if plain(&found) == plain(value) => {}
            Some(found) => findings.push(format!("{file}:{number}: {name} is {value} here and {found} in {path}")),
            None => findings.push(format!("{file}:{number}: {path} has no constant {name}")),
        }
    }
    Ok(())
}

/// The right side of `const NAME: … = …;`.
fn constant(code: &str, name: &str) -> Option<String> {
    let (_, rest) = code.split_once(&format!("const {name}:"))?;
    let (_, value) = rest.split_once('=')?;
    value.split_once(';').map(|(value, _)| value.trim().to_owned())
}

/// A value without what only the eye needs.
fn plain(value: &str) -> String {
    value.chars().filter(|c| !"_, `".contains(*c)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constants_are_found_and_compared() {
        let code = "pub const LIMIT: usize = 64 << 20;\nconst MAGIC: [u8; 4] = *b\"AT1R\";";
        assert_eq!(constant(code, "LIMIT").as_deref(), Some("64 << 20"));
        assert_eq!(constant(code, "MAGIC").as_deref(), Some("*b\"AT1R\""));
        assert_eq!(constant(code, "OTHER"), None);
        assert_eq!(plain("1_000"), plain("1,000"));
    }

    #[test]
    fn machine_paths_are_told_from_others() {
        let found = |line: &str| {
            let mut findings = Vec::new();
            machine_paths("x", line, &mut findings);
            !findings.is_empty()
        };
        // Put together here, so that this file itself stays tidy.
        assert!(found(&format!("see /{}/me/file", "home")));
        assert!(!found("see ~/opt/file/x, a/work/b/c and $x/root/y/z"));
    }
}
