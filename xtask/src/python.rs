//! The Python packages: `cargo xtask wheel` makes them, `cargo xtask test` and `interop` test them as one would install them.
//!
//! * Environments are made below the target folder from pinned versions, and kept for the next run.
//! * What is tested of `at1` is the wheel, installed: not the sources beside it, which lack the extension.
//! * `at1-sql` is put together from what cargo builds for the workspace: maturin builds it by itself, and DataFusion would be compiled again.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Instant,
};

use crate::{
    at1::Build,
    report::{megabytes, seconds},
    sh::{self, Args, Result},
};

/// Where the tests of the packages are.
const TESTS: &str = "python/tests";

/// `cargo xtask wheel`: the wheels as they are shipped.
pub(crate) fn run(args: &mut Args) -> Result {
    args.done()?;
    let python = environment("python-venv", &sh::root().join("python/tests/requirements.txt"))?;
    for package in PACKAGES {
        let start = Instant::now();
        let wheel = package.build(&python, Build::Release)?;
        let bytes = fs::metadata(&wheel)?.len();
        println!("{}: {} ({})", wheel.display(), megabytes(bytes), seconds(start.elapsed()));
    }
    Ok(())
}

/// Tests that need nothing but the package.
pub(crate) fn test() -> Result {
    let python = match environment("python-venv", &sh::root().join("python/tests/requirements.txt")) {
        Ok(python) => python,
        Err(error) if !sh::is_ci() => {
            println!("NOT TESTED: the Python package needs Python 3 with venv and pip: {error}");
            return Ok(());
        }
        Err(error) => return Err(error),
    };
    install(&python, Build::Dev)?;
    sh::run(pytest(&python).arg(sh::root().join(TESTS).join("core")))?;
    // Examples in the documentation, from where the package is installed.
    sh::run(pytest(&python).current_dir(sh::target()).args(["--doctest-modules", "--pyargs", "at1", "at1_table"]))
}

/// Tests beside other libraries, in an environment that has them.
pub(crate) fn interop(python: &Path) -> Result {
    install(python, Build::Dev)?;
    assemble_sql(python)?;
    sh::run(pytest(python).arg(sh::root().join(TESTS).join("interop")))?;
    let mut pyright = Command::new(python);
    pyright.args(["-m", "pyright", "--pythonpath"]).arg(python).arg("--project").arg(sh::root().join("python"));
    sh::run(&mut pyright)
}

fn pytest(python: &Path) -> Command {
    let mut pytest = Command::new(python);
    // Nothing is left in the sources.
    pytest.env("PYTHONDONTWRITEBYTECODE", "1").args(["-m", "pytest", "--quiet", "-p", "no:cacheprovider"]);
    pytest.arg("--config-file").arg(sh::root().join("python/pyproject.toml"));
    pytest
}

/// A package with an extension.
struct Package {
    name: &'static str,
    manifest: &'static str,
}

const AT1: Package = Package { name: "at1", manifest: "python/Cargo.toml" };
const PACKAGES: [Package; 2] = [AT1, Package { name: "at1-sql", manifest: "python/sql/Cargo.toml" }];

impl Package {
    /// Makes the wheel with the maturin of an environment.
    fn build(&self, python: &Path, build: Build) -> Result<PathBuf> {
        let (profile, folder) = build.profile();
        let out = sh::scratch(&format!("wheels/{folder}/{}", self.name))?;
        let mut maturin = Command::new(python);
        // Set by the `cargo run` around us and not meant for the builds that we start.
        maturin.env_remove("CARGO_MANIFEST_DIR").env_remove("CARGO_PKG_NAME").current_dir(sh::root());
        maturin.args(["-m", "maturin", "build", "--quiet", "--locked", "--profile", profile]);
        sh::run(maturin.arg("--manifest-path").arg(sh::root().join(self.manifest)).arg("--out").arg(&out))?;
        let wheels = sh::files_below(&out)?;
        let wheel = wheels.into_iter().find(|path| path.extension().is_some_and(|ending| ending == "whl"));
        wheel.ok_or_else(|| format!("{}: maturin made no wheel", out.display()).into())
    }
}

/// Builds `at1` and installs it, in the place of what was there.
pub(crate) fn install(python: &Path, build: Build) -> Result {
    let builder = environment("python-venv", &sh::root().join("python/tests/requirements.txt"))?;
    let wheel = AT1.build(&builder, build)?;
    let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--force-reinstall"];
    sh::capture(Command::new(python).args(pip).arg(wheel)).map(drop)
}

/// Puts `at1_sql` where packages are installed.
fn assemble_sql(python: &Path) -> Result {
    sh::run(sh::cargo().args(["build", "--workspace", "--lib"]))?;
    let place = ["-c", "import sysconfig; print(sysconfig.get_path('purelib'))"];
    let place = String::from_utf8(sh::capture(Command::new(python).args(place))?)?;
    let package = Path::new(place.trim()).join("at1_sql");
    fs::create_dir_all(&package)?;
    for file in sh::files_below(&sh::root().join("python/sql/at1_sql"))? {
        if let Some(name) = file.file_name() {
            fs::copy(&file, package.join(name))?;
        }
    }
    fs::copy(sh::target().join("debug/lib_at1_sql.so"), package.join("_at1_sql.abi3.so"))?;
    Ok(())
}

/// The Python of a virtual environment of this name with what `requirements` lists; made if it is not there or the list has changed.
pub(crate) fn environment(name: &str, requirements: &Path) -> Result<PathBuf> {
    let dir = sh::target().join(name);
    let python = dir.join("bin/python");
    let wanted = fs::read(requirements).map_err(|e| format!("{}: {e}", requirements.display()))?;
    // Written last, so an environment that is half made is made again.
    let stamp = dir.join("made-from.txt");
    if fs::read(&stamp).is_ok_and(|made_from| made_from == wanted) && sh::works(&python, &["-c", ""]) {
        return Ok(python);
    }
    println!("making {} …", dir.display());
    let dir = sh::scratch(name)?;
    let base = ["python3", "python"]
        .into_iter()
        .find(|base| sh::works(base, &["-c", "import venv, sys; assert sys.version_info >= (3, 10)"]));
    let base = base.ok_or("no Python 3.10 or newer with the module venv on the PATH")?;
    sh::capture(Command::new(base).args(["-m", "venv"]).arg(&dir))?;
    let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"];
    sh::capture(Command::new(&python).args(pip).arg(requirements))?;
    fs::write(stamp, wanted)?;
    Ok(python)
}
