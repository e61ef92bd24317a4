//! `cargo xtask bench`: sizes and times of AT1 and its peers over the files of AT1_CORPUS, side by side in one run, into benches/RESULTS.md.
//!
//! * One thread each unless a column says otherwise; every peer works on the same file, after it was read once.
//! * Times are the best of three whole processes. Nothing is asserted: goals are compared by people.

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use crate::{
    at1::{At1, Build},
    interop::environment,
    report::{grouped, seconds, sha256},
    sh::{self, Args, Result},
};

const RUNS: usize = 3;

pub(crate) fn run(args: &mut Args) -> Result {
    let mut only = Vec::new();
    while let Some(name) = args.value("--only")? {
        only.push(name);
    }
    args.done()?;
    let corpus = std::env::var_os("AT1_CORPUS").ok_or("AT1_CORPUS names no folder of files to measure")?;
    for tool in ["xz", "zstd"] {
        if !sh::works(tool, &["--version"]) {
            return Err(format!("{tool} is not on the PATH").into());
        }
    }
    let python = environment("bench-venv", &sh::root().join("benches/peers/requirements.txt"))?;
    let at1 = At1::build(Build::Release)?;
    let dir = sh::scratch("bench")?;
    let mut measured = Vec::new();
    let mut files: Vec<PathBuf> = fs::read_dir(corpus)?.map(|e| e.map(|e| e.path())).collect::<Result<_, _>>()?;
    files.sort();
    for path in files.into_iter().filter(|path| path.is_file()) {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if only.is_empty() || only.iter().any(|part| name.contains(part.as_str())) {
            let row = measure(&at1, &python, &dir, &path, name)?;
            println!("{}", row.summary());
            measured.push(row);
        }
    }
    let page = page(&measured, &python)?;
    let to = sh::root().join("benches/RESULTS.md");
    fs::write(&to, page)?;
    println!("written to {}", to.display());
    Ok(())
}

/// What one file came to.
struct Row {
    name: String,
    source: u64,
    balanced: u64,
    max: u64,
    xz: u64,
    zstd: u64,
    /// None where DuckDB cannot read the file.
    parquet: Option<u64>,
    append: Duration,
    cat: Duration,
    scan: Duration,
    duckdb_write: Option<Duration>,
    duckdb_read: Option<Duration>,
    unzstd: Duration,
    unxz: Duration,
}

impl Row {
    fn summary(&self) -> String {
        let ratio = |a: u64, b: u64| a as f64 / b as f64;
        format!(
            "{}: max/xz {:.3}, balanced/zstd {:.3}, append {}, cat {}",
            self.name,
            ratio(self.max, self.xz),
            ratio(self.balanced, self.zstd),
            seconds(self.append),
            seconds(self.cat)
        )
    }
}

fn measure(at1: &At1, python: &Path, dir: &Path, path: &Path, name: String) -> Result<Row> {
    let source = fs::read(path)?;
    let packed = |extension: &str| dir.join(format!("{name}.{extension}"));
    let size = |path: &Path| -> Result<u64> { Ok(fs::metadata(path)?.len()) };

    let (balanced, max) = (packed("balanced.at1"), packed("max.at1"));
    for (profile, to) in [("balanced", &balanced), ("max", &max)] {
        let args = ["encode".as_ref(), path.as_os_str(), "-o".as_ref(), to.as_os_str()];
        sh::capture(at1.command(args).args(["--keep-queryable", "--profile", profile]))?;
        let back = at1.bytes(["decode".as_ref(), to.as_os_str()])?;
        if sha256(&back) != sha256(&source) {
            return Err(format!("{name}: profile {profile} does not give the bytes back").into());
        }
    }

    let (xz, zstd) = (packed("xz"), packed("zst"));
    fs::write(&xz, sh::capture(Command::new("xz").args(["-9", "--threads=1", "--stdout"]).arg(path))?)?;
    sh::capture(
        Command::new("zstd").args(["-19", "--single-thread", "--quiet", "--force"]).arg(path).arg("-o").arg(&zstd),
    )?;

    let table = packed("table");
    let append = best(|| {
        if table.exists() {
            fs::remove_dir_all(&table)?;
        }
        Ok(at1.command(["append".as_ref(), table.as_os_str(), path.as_os_str()]))
    })?;
    let cat = best(|| Ok(at1.command(["cat".as_ref(), table.as_os_str()])))?;
    let scan = best(|| Ok(at1.command(["scan".as_ref(), table.as_os_str(), "--format".as_ref(), "arrow".as_ref()])))?;
    let unzstd = best(|| Ok(with(Command::new("zstd"), ["-dcq".as_ref(), zstd.as_os_str()])))?;
    let unxz = best(|| Ok(with(Command::new("xz"), ["-dc".as_ref(), xz.as_os_str()])))?;

    // DuckDB at zstd 19 for the size and at zstd 3 for the time, as goals compare them.
    let script = sh::root().join("benches/peers/duckdb_parquet.py");
    let parquet = packed("duckdb.parquet");
    let duckdb = |verb: &str, level: &str| {
        let mut command = Command::new(python);
        command.args([script.as_os_str(), verb.as_ref(), path.as_os_str(), parquet.as_os_str(), level.as_ref()]);
        command
    };
    let mut row = Row {
        source: source.len() as u64,
        balanced: size(&balanced)?,
        max: size(&max)?,
        xz: size(&xz)?,
        zstd: size(&zstd)?,
        parquet: None,
        append,
        cat,
        scan,
        duckdb_write: None,
        duckdb_read: None,
        unzstd,
        unxz,
        name,
    };
    if sh::capture(&mut duckdb("write", "19")).is_ok() {
        row.parquet = Some(size(&parquet)?);
        // Inside one process, without the start of Python: the script prints the seconds of the statement alone.
        row.duckdb_write = Some(told(&mut duckdb("write", "3"))?);
        row.duckdb_read = Some(told(&mut duckdb("read", "3"))?);
    }
    for path in [balanced, max, xz, zstd] {
        fs::remove_file(path)?;
    }
    Ok(row)
}

fn with<'a>(mut command: Command, args: impl IntoIterator<Item = &'a std::ffi::OsStr>) -> Command {
    command.args(args);
    command
}

/// The least wall time of a whole process that `command` makes, its output thrown away.
fn best(mut command: impl FnMut() -> Result<Command>) -> Result<Duration> {
    let mut least = Duration::MAX;
    for _ in 0..RUNS {
        let mut command = command()?;
        command.stdout(Stdio::null());
        let start = Instant::now();
        sh::run(&mut command)?;
        least = least.min(start.elapsed());
    }
    Ok(least)
}

/// The least of the seconds that a script prints.
fn told(command: &mut Command) -> Result<Duration> {
    let mut least = f64::MAX;
    for _ in 0..RUNS {
        let printed = String::from_utf8(sh::capture(command)?)?;
        least = least.min(printed.trim().parse()?);
    }
    Ok(Duration::try_from_secs_f64(least)?)
}

fn page(rows: &[Row], python: &Path) -> Result<String> {
    let mut page = String::from("# Results\n\nWritten by `cargo xtask bench`; not edited by hand.\n\n");
    let versions = sh::capture(Command::new(python).args([
        "-m",
        "pip",
        "list",
        "--format=freeze",
        "--disable-pip-version-check",
    ]))?;
    let versions =
        String::from_utf8_lossy(&versions).lines().filter(|l| l.starts_with("duckdb")).collect::<Vec<_>>().join(", ");
    let first = |command: &mut Command| -> Result<String> {
        Ok(String::from_utf8_lossy(&sh::capture(command)?).lines().next().unwrap_or_default().to_owned())
    };
    writeln!(page, "| | |\n|---|---|")?;
    writeln!(page, "| date | {} |", first(Command::new("date").args(["-u", "+%Y-%m-%d"]))?)?;
    writeln!(
        page,
        "| commit | {} |",
        first(Command::new("git").current_dir(sh::root()).args(["describe", "--always", "--dirty"]))
            .unwrap_or_default()
    )?;
    writeln!(page, "| machine | {} |", machine())?;
    writeln!(
        page,
        "| peers | {}, {}, {versions} |\n",
        first(Command::new("xz").arg("--version"))?,
        first(Command::new("zstd").arg("--version"))?
    )?;

    page += "## Sizes in bytes\n\nEvery AT1 size includes what gives the exact bytes back; the Parquet of DuckDB (zstd 19) does not. A dash: DuckDB cannot read the file as CSV.\n\n";
    page += "| file | source | at1 balanced | at1 max | `xz -9` | `zstd -19` | DuckDB | max / xz | balanced / zstd | max / DuckDB | max / (zstd + DuckDB) |\n";
    page += "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n";
    let ratio = |a: u64, b: u64| a as f64 / b as f64;
    let dash = || "–".to_owned();
    for row in rows {
        writeln!(
            page,
            "| {} | {} | {} | {} | {} | {} | {} | {:.3} | {:.3} | {} | {} |",
            row.name,
            grouped(row.source),
            grouped(row.balanced),
            grouped(row.max),
            grouped(row.xz),
            grouped(row.zstd),
            row.parquet.map_or_else(dash, grouped),
            ratio(row.max, row.xz),
            ratio(row.balanced, row.zstd),
            row.parquet.map_or_else(dash, |p| format!("{:.3}", ratio(row.max, p))),
            row.parquet.map_or_else(dash, |p| format!("{:.3}", ratio(row.max, p + row.zstd))),
        )?;
    }
    let mean = |values: Vec<f64>| (values.iter().map(|v| v.ln()).sum::<f64>() / values.len() as f64).exp();
    writeln!(
        page,
        "| geometric mean | | | | | | | {:.3} | {:.3} | {:.3} | {:.3} |\n",
        mean(rows.iter().map(|r| ratio(r.max, r.xz)).collect()),
        mean(rows.iter().map(|r| ratio(r.balanced, r.zstd)).collect()),
        mean(rows.iter().filter_map(|r| Some(ratio(r.max, r.parquet?))).collect()),
        mean(rows.iter().filter_map(|r| Some(ratio(r.max, r.parquet? + r.zstd))).collect()),
    )?;

    page += "## Times in seconds\n\nProfile balanced. `append` types, encodes, decodes, compares, hashes and syncs; DuckDB's `COPY` (zstd 3) does the first two. Scans give Arrow.\n\n";
    page += "| file | append | DuckDB write | cat | `zstd -d` | `xz -d` | scan | DuckDB read |\n|---|--:|--:|--:|--:|--:|--:|--:|\n";
    let s = |time: Duration| format!("{:.3}", time.as_secs_f64());
    for row in rows {
        writeln!(
            page,
            "| {} | {} | {} | {} | {} | {} | {} | {} |",
            row.name,
            s(row.append),
            row.duckdb_write.map_or_else(dash, s),
            s(row.cat),
            s(row.unzstd),
            s(row.unxz),
            s(row.scan),
            row.duckdb_read.map_or_else(dash, s),
        )?;
    }
    Ok(page)
}

/// The processor's name and number, where the system tells.
fn machine() -> String {
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu
        .lines()
        .find_map(|line| line.strip_prefix("model name"))
        .map(|rest| rest.trim_start_matches([' ', '\t', ':']));
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    format!("{}, {cores} cores, {}", model.unwrap_or("unknown processor"), std::env::consts::OS)
}
