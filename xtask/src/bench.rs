//! `cargo xtask bench`: sizes and times of AT1 and its peers over the files of AT1_CORPUS, side by side in one run, into
//! benches/RESULTS.md.
//!
//! * Every peer works on the same file, after it was read once; a ratio is between two numbers of the same run.
//! * Times are the best of three whole processes: once on one processor, once on all that there are.
//! * Nothing is asserted: goals are compared by people.

mod page;

use std::{
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use crate::{
    at1::{At1, Build},
    python::{self, environment},
    report::{seconds, sha256},
    sh::{self, Args, Result},
    sql::{self, Scale},
};

const RUNS: usize = 3;

pub(crate) fn run(args: &mut Args) -> Result {
    if args.flag("--sql") {
        args.done()?;
        return sql_page();
    }
    if args.flag("--python") {
        args.done()?;
        return python_page();
    }
    let mut only = Vec::new();
    while let Some(name) = args.value("--only")? {
        only.push(name);
    }
    args.done()?;
    let corpus = std::env::var_os("AT1_CORPUS").ok_or("AT1_CORPUS names no folder of files to measure")?;
    for tool in ["xz", "zstd", "taskset"] {
        if !sh::works(tool, &["--version"]) {
            return Err(format!("{tool} is not on the PATH").into());
        }
    }
    let tools = Tools::make()?;
    let mut measured = Vec::new();
    let mut files: Vec<PathBuf> = fs::read_dir(corpus)?.map(|e| e.map(|e| e.path())).collect::<Result<_, _>>()?;
    files.sort();
    for path in files.into_iter().filter(|path| path.is_file()) {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if only.is_empty() || only.iter().any(|part| name.contains(part.as_str())) {
            let row = tools.measure(&path, name)?;
            println!("{}", row.summary());
            measured.push(row);
        }
    }
    let to = sh::root().join("benches/RESULTS.md");
    fs::write(&to, page::page(&measured, &tools.python)?)?;
    println!("written to {}", to.display());
    Ok(())
}

/// Python's append and scan beside deltalake and pyarrow.dataset, into benches/PYTHON.md.
fn python_page() -> Result {
    let python = environment("bench-venv", &sh::root().join("benches/peers/requirements.txt"))?;
    python::install(&python, Build::Release)?;
    let (dir, to) = (sh::scratch("bench-python")?, sh::root().join("benches/PYTHON.md"));
    let mut compare = std::process::Command::new(&python);
    let page = String::from_utf8(sh::capture(compare.arg(sh::root().join("benches/python/compare.py")).arg(&dir))?)?;
    let about = page::about(&python)?;
    let head = "# Python\n\nWritten by `cargo xtask bench --python`; not edited by hand.\n\n";
    let what = "`benches/python/compare.py`: whole calls, best of three, each library with the threads that it takes. AT1 syncs, verifies and hashes \
                what it appends, and hashes what it reads; the others do not. *parquet* is `pyarrow.parquet` at zstd.\n\n";
    fs::write(&to, format!("{head}{about}{what}```text\n{page}```\n"))?;
    println!("{page}written to {}", to.display());
    Ok(())
}

/// Queries beside DuckDB and DataFusion, into benches/SQL.md.
fn sql_page() -> Result {
    let requirements = sh::root().join("benches/peers/requirements.txt");
    let python = environment("bench-venv", &requirements)?;
    let at1 = At1::build(Build::Release)?;
    let (dir, to) = (sh::scratch("bench-sql")?, sh::root().join("benches/SQL.md"));
    let scale = Scale { trades: 2_000_000, tpch: 0.25 };
    sql::ask(&at1, &python, &dir, Build::Release, scale, Some(&dir.join("page.md")))?;
    let page = fs::read_to_string(dir.join("page.md"))?;
    let about = page::about(&python)?;
    let head = "# Queries in SQL\n\nWritten by `cargo xtask bench --sql`; not edited by hand.\n\n";
    let what = "The queries are in `xtask/interop/queries.sql`. *DataFusion* is the same program on Parquet files that DuckDB wrote; DuckDB reads \
                these files too. AT1 hashes every byte that it reads, the others do not.\n\n";
    fs::write(&to, format!("{head}{about}{what}{page}"))?;
    println!("written to {}", to.display());
    Ok(())
}

/// What one file came to.
struct Row {
    name: String,
    source: u64,
    records: u64,
    balanced: u64,
    max: u64,
    xz: u64,
    zstd: u64,
    /// DuckDB's Parquet at zstd 19, and Vortex; none where DuckDB cannot read the file.
    parquet: Option<u64>,
    vortex: Option<u64>,
    one: Times,
    all: Times,
    unxz: Duration,
}

/// Wall times.
struct Times {
    append: Duration,
    cat: Duration,
    unzstd: Duration,
    duckdb_write: Option<Duration>,
    /// All columns to Arrow: by a scan of the table, and by the parquet crate alone out of its files.
    scan: (Duration, Duration),
    duckdb_read: Option<Duration>,
}

impl Row {
    fn summary(&self) -> String {
        let ratio = |a: u64, b: u64| a as f64 / b as f64;
        format!(
            "{}: max/xz {:.3}, balanced/zstd {:.3}, append {}, cat {}",
            self.name,
            ratio(self.max, self.xz),
            ratio(self.balanced, self.zstd),
            seconds(self.one.append),
            seconds(self.one.cat)
        )
    }
}

/// How many processors a program may use.
#[derive(Clone, Copy)]
enum Processors {
    One,
    All,
}

impl Processors {
    /// `command`, kept to them.
    fn bind(self, command: &Command) -> Command {
        let mut bound = match self {
            Self::All => Command::new(command.get_program()),
            Self::One => {
                let mut bound = Command::new("taskset");
                bound.args(["--cpu-list", "0"]).arg(command.get_program());
                bound
            }
        };
        bound.args(command.get_args());
        bound
    }

    fn count(self) -> usize {
        match self {
            Self::One => 1,
            Self::All => std::thread::available_parallelism().map_or(1, usize::from),
        }
    }
}

/// The programs that are compared.
struct Tools {
    at1: At1,
    scan_to_arrow: PathBuf,
    python: PathBuf,
    dir: PathBuf,
}

impl Tools {
    fn make() -> Result<Self> {
        let python = environment("bench-venv", &sh::root().join("benches/peers/requirements.txt"))?;
        let at1 = At1::build(Build::Release)?;
        sh::run(sh::cargo().args(["build", "--release", "--package", "at1-table", "--example", "scan_to_arrow"]))?;
        let scan_to_arrow = sh::target().join("release/examples/scan_to_arrow");
        Ok(Self { at1, scan_to_arrow, python, dir: sh::scratch("bench")? })
    }

    fn measure(&self, path: &Path, name: String) -> Result<Row> {
        let source = fs::read(path)?;
        let packed = |extension: &str| self.dir.join(format!("{name}.{extension}"));
        let (balanced, max) = (packed("balanced.at1"), packed("max.at1"));
        for (profile, to) in [("balanced", &balanced), ("max", &max)] {
            let args = ["encode".as_ref(), path.as_os_str(), "-o".as_ref(), to.as_os_str()];
            sh::capture(self.at1.command(args).args(["--keep-queryable", "--profile", profile]))?;
            let back = self.at1.bytes(["decode".as_ref(), to.as_os_str()])?;
            if sha256(&back) != sha256(&source) {
                return Err(format!("{name}: profile {profile} does not give the bytes back").into());
            }
        }
        let (xz, zstd, parquet, vortex) = (packed("xz"), packed("zst"), packed("duckdb.parquet"), packed("vortex"));
        fs::write(&xz, sh::capture(Command::new("xz").args(["-9", "--threads=1", "--stdout"]).arg(path))?)?;
        let mut pack = Command::new("zstd");
        sh::capture(pack.args(["-19", "--single-thread", "--quiet", "--force"]).arg(path).arg("-o").arg(&zstd))?;
        let duckdb_reads = self.duckdb("write", path, &parquet, 19, 1, 1).is_ok();
        let parquet_bytes = duckdb_reads.then(|| size(&parquet)).transpose()?;
        let mut by_vortex = self.script("vortex_compact.py", [path.as_os_str(), vortex.as_os_str()]);
        let vortex_bytes =
            if duckdb_reads && sh::capture(&mut by_vortex).is_ok() { Some(size(&vortex)?) } else { None };

        let table = packed("table");
        let peers = Peers { path, table: &table, zstd: &zstd, parquet: duckdb_reads.then_some(&*parquet) };
        let one = self.times(&peers, Processors::One)?;
        let all = self.times(&peers, Processors::All)?;
        let records = crate::at1::number(&self.at1.json(["info".as_ref(), table.as_os_str()])?[0], "rows")?;
        let row = Row {
            source: source.len() as u64,
            records,
            balanced: size(&balanced)?,
            max: size(&max)?,
            xz: size(&xz)?,
            zstd: size(&zstd)?,
            parquet: parquet_bytes,
            vortex: vortex_bytes,
            one,
            all,
            unxz: best(|| Ok(Processors::One.bind(Command::new("xz").arg("-dc").arg(&xz))))?,
            name,
        };
        for path in [balanced, max, xz, zstd] {
            fs::remove_file(path)?;
        }
        Ok(row)
    }

    fn times(&self, peers: &Peers<'_>, on: Processors) -> Result<Times> {
        let Peers { path, table, zstd, parquet } = *peers;
        let append = best(|| {
            if table.exists() {
                fs::remove_dir_all(table)?;
            }
            Ok(on.bind(&self.at1.command(["append".as_ref(), table.as_os_str(), path.as_os_str()])))
        })?;
        let cat = best(|| Ok(on.bind(&self.at1.command(["cat".as_ref(), table.as_os_str()]))))?;
        let unzstd = best(|| Ok(on.bind(Command::new("zstd").arg("-dcq").arg(zstd))))?;
        let scan = self.scan(table, on)?;
        let mut times = Times { append, cat, unzstd, duckdb_write: None, scan, duckdb_read: None };
        if let Some(parquet) = parquet {
            // Inside one process, without the start of Python: the script prints the seconds of the statement alone.
            times.duckdb_write = Some(self.duckdb("write", path, parquet, 3, on.count(), RUNS)?);
            times.duckdb_read = Some(self.duckdb("read", path, parquet, 3, on.count(), RUNS)?);
        }
        Ok(times)
    }

    fn scan(&self, table: &Path, on: Processors) -> Result<(Duration, Duration)> {
        let mut scan = on.bind(Command::new(&self.scan_to_arrow).arg(table));
        let printed = String::from_utf8(sh::capture(&mut scan)?)?;
        match printed.split_whitespace().map(str::parse).collect::<Result<Vec<f64>, _>>()?[..] {
            [ours, theirs] => Ok((Duration::try_from_secs_f64(ours)?, Duration::try_from_secs_f64(theirs)?)),
            _ => Err(format!("two numbers expected, found: {printed}").into()),
        }
    }

    fn script<'a>(&self, name: &str, args: impl IntoIterator<Item = &'a OsStr>) -> Command {
        let mut command = Command::new(&self.python);
        command.arg(sh::root().join("benches/peers").join(name)).args(args);
        command
    }

    /// The least of the seconds that DuckDB takes for a statement: at zstd 19 for the size, at 3 for the time.
    fn duckdb(
        &self,
        verb: &str,
        csv: &Path,
        parquet: &Path,
        level: u8,
        threads: usize,
        runs: usize,
    ) -> Result<Duration> {
        let (level, threads) = (level.to_string(), threads.to_string());
        let args = [verb.as_ref(), csv.as_os_str(), parquet.as_os_str(), level.as_ref(), threads.as_ref()];
        let mut least = f64::MAX;
        for _ in 0..runs {
            let printed = String::from_utf8(sh::capture(&mut self.script("duckdb_parquet.py", args))?)?;
            least = least.min(printed.trim().parse()?);
        }
        Ok(Duration::try_from_secs_f64(least)?)
    }
}

/// The files that times are taken of.
struct Peers<'a> {
    path: &'a Path,
    table: &'a Path,
    zstd: &'a Path,
    parquet: Option<&'a Path>,
}

fn size(path: &Path) -> Result<u64> {
    Ok(fs::metadata(path)?.len())
}

/// The least wall time of a whole process that `command` makes, its output thrown away.
fn best(mut command: impl FnMut() -> Result<Command>) -> Result<Duration> {
    let mut least = Duration::MAX;
    for _ in 0..RUNS {
        let mut command = command()?;
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let start = Instant::now();
        sh::run(&mut command)?;
        least = least.min(start.elapsed());
    }
    Ok(least)
}
