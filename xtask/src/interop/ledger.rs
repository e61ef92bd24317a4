//! A ledger among strangers: OpenSSL reads our keys, signs for us, witnesses and stamps; an auditor's script that shares no code with us
//! checks ledgers, proofs, growth and tiles.
//!
//! * Where there is no `openssl` its part is told as not checked; the script needs nothing but Python.

use std::{
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use at1_testkit::Trades;

use crate::{
    at1::At1,
    sh::{self, Result},
};

/// More than a tile of events.
const BATCHES: u64 = 300;

/// One table, and the programs that look at it.
struct Walk<'a> {
    at1: &'a At1,
    python: &'a Path,
    dir: PathBuf,
    /// The log's verifier key.
    key: String,
}

pub(super) fn check(at1: &At1, python: &Path, dir: &Path) -> Result {
    fs::create_dir_all(dir)?;
    let mut market = Trades::new(7);
    let mut append: Vec<String> = vec!["append".into(), "trades".into()];
    for i in 0..BATCHES {
        fs::write(dir.join(format!("{i}.csv")), market.batch(20))?;
        append.push(format!("{i}.csv"));
    }
    let mut walk = Walk { at1, python, dir: dir.to_owned(), key: String::new() };
    walk.at1(["init", "trades", "--origin", "example.org/trades"])?;
    walk.at1(append.iter())?;
    walk.key = walk.at1(["ledger", "keygen", "--table", "trades", "-o", "log.pem"])?.trim().to_owned();
    walk.at1(["ledger", "checkpoint", "trades", "--key", "log.pem", "-o", "old.note"])?;
    fs::write(walk.path("policy"), format!("log {}\nquorum none\n", walk.key))?;
    walk.ledger_and_tiles("old.note")?;
    walk.proofs()?;
    let openssl = sh::works("openssl", &["version"]);
    if openssl {
        walk.keys_of_openssl()?;
        walk.witness()?;
        walk.stamp()?;
    } else {
        println!("NOT CHECKED: keys, signatures and time stamps of another program need openssl on the PATH");
    }
    let others = if openssl { "; OpenSSL's keys, signatures, cosignatures and time stamps hold" } else { "" };
    println!("ledger: an auditor's script agrees on {BATCHES} appends, their proofs, growth and tiles{others}");
    Ok(())
}

impl Walk<'_> {
    fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    fn at1(&self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Result<String> {
        let output = sh::capture(self.at1.command(args).current_dir(&self.dir))?;
        Ok(String::from_utf8(output)?)
    }

    /// It must fail with this exit code.
    fn at1_fails(&self, exit: i32, args: &[&str]) -> Result {
        let output = sh::output(self.at1.command(args).current_dir(&self.dir))?;
        match output.status.code() {
            Some(code) if code == exit => Ok(()),
            code => Err(format!("at1 {}: expected exit {exit}, found {code:?}", args.join(" ")).into()),
        }
    }

    fn audit(&self, args: &[&str]) -> Result<serde_json::Value> {
        let mut command = self.script(args);
        Ok(serde_json::from_slice(&sh::capture(&mut command)?)?)
    }

    fn audit_fails(&self, args: &[&str]) -> Result {
        match sh::output(&mut self.script(args))?.status.code() {
            Some(1) => Ok(()),
            code => Err(format!("audit.py {}: expected exit 1, found {code:?}", args.join(" ")).into()),
        }
    }

    fn script(&self, args: &[&str]) -> Command {
        let mut command = Command::new(self.python);
        command.arg(sh::root().join("xtask/interop/audit.py")).args(args).current_dir(&self.dir);
        command
    }

    /// Runs OpenSSL; with a key of ours it must know what it is.
    fn openssl(&self, args: &[&str]) -> Result<Vec<u8>> {
        sh::capture(Command::new("openssl").args(args).current_dir(&self.dir))
    }

    fn ledger_and_tiles(&self, note: &str) -> Result {
        let info = self.at1(["info", "trades", "--json"])?;
        let info: serde_json::Value = serde_json::from_str(&info)?;
        let head = info["chain_head"].as_str().unwrap_or_default();
        let ledger = ["ledger", "trades/_at1/ledger", "--head", head, "--checkpoint", note, "--key", &self.key];
        let audited = self.audit(&ledger)?;
        self.at1(["ledger", "export-tiles", "trades", "tiles"])?;
        let tiles = self.audit(&["tiles", "tiles", "--key", &self.key])?;
        if audited["events"] != info["events"] || tiles["size"] != info["events"] {
            return Err(format!("expected {} events, the script found {audited} and {tiles}", info["events"]).into());
        }
        // A byte of an entry.
        let bundle = self.path("tiles/tile/entries/000");
        let mut bytes = fs::read(&bundle)?;
        bytes[1000] ^= 1;
        fs::write(&bundle, bytes)?;
        self.audit_fails(&["tiles", "tiles", "--key", &self.key])?;
        fs::remove_dir_all(self.path("tiles"))?;
        Ok(())
    }

    /// The same rows before and after a compaction that removes what held them.
    fn proofs(&self) -> Result {
        for (round, compact) in [false, true].into_iter().enumerate() {
            if compact {
                self.at1(["compact", "trades", "--grace", "0s"])?;
                self.at1(["ledger", "checkpoint", "trades", "--key", "log.pem", "-o", "new.note"])?;
            }
            for (name, what) in [
                ("row", ["--row", "4321"]),
                ("range", ["--rows", "1001..1011"]),
                ("batch", ["--batch", "3"]),
                ("event", ["--event", "17"]),
            ] {
                let name = format!("{name}{round}.tlog-proof");
                let [flag, value] = what;
                self.at1(["ledger", "prove", "trades", flag, value, "-o", name.as_str()])?;
                self.at1(["ledger", "check", &name, "--policy", "policy"])?;
                self.audit(&["proof", &name, "--policy", "policy"])?;
                let mut proof = fs::read(self.path(&name))?;
                let at = proof.len() / 3;
                proof[at] = if proof[at] == b'A' { b'B' } else { b'A' };
                fs::write(self.path("changed"), proof)?;
                self.at1_fails(1, &["ledger", "check", "changed", "--policy", "policy"])?;
                self.audit_fails(&["proof", "changed", "--policy", "policy"])?;
            }
        }
        let size = fs::read_to_string(self.path("old.note"))?.lines().nth(1).unwrap_or_default().to_owned();
        self.at1(["ledger", "prove", "trades", "--growth-from", &size, "-o", "growth"])?;
        self.audit(&["growth", "growth", "--policy", "policy", "--old", "old.note"])?;
        self.audit_fails(&["growth", "growth", "--policy", "policy", "--old", "new.note"])
    }

    fn keys_of_openssl(&self) -> Result {
        let text = String::from_utf8(self.openssl(&["pkey", "-in", "log.pem", "-noout", "-text"])?)?;
        if !text.starts_with("ED25519 Private-Key:") {
            return Err(format!("expected OpenSSL to read an Ed25519 key, found {text}").into());
        }
        // It signs through the door for keys in hardware, and a key that it made is as good as ours.
        let command = "cat > to-sign && openssl pkeyutl -sign -inkey log.pem -rawin -in to-sign";
        let by_command = ["--signer-cmd", command, "--signer-key", &self.key, "--signer-memory", "log.pem.signed"];
        self.at1(["ledger", "checkpoint", "trades"].iter().chain(&by_command))?;
        self.openssl(&["genpkey", "-algorithm", "ed25519", "-out", "theirs.pem"])?;
        self.at1(["ledger", "rotate", "trades", "--key", "log.pem", "--new", "theirs.pem"])?;
        self.at1(["ledger", "checkpoint", "trades", "--key", "theirs.pem", "-o", "theirs.note"])?;
        self.at1(["verify", "trades", "--policy", "policy", "--require", "signed", "--max-unsigned", "0"]).map(drop)
    }

    /// A witness whose key OpenSSL holds, and whose lines are put together here from the specification alone.
    fn witness(&self) -> Result {
        let key = self.at1(["ledger", "keygen", "--origin", "witness.example/w1", "--witness", "-o", "w1.pem"])?;
        let key = key.trim();
        fs::write(self.path("asking"), format!("log {}\nwitness w1 {key}\nquorum w1\n", self.key))?;
        self.at1_fails(4, &["verify", "trades", "--policy", "asking"])?;
        let request = self.at1(["ledger", "witness-request", "trades", "--policy", "asking", "--witness", "w1"])?;
        let (_, note) = request.split_once("\n\n").ok_or("expected a blank line in the request")?;
        let (text, _) = note.split_once("\n\n").ok_or("expected a blank line in the checkpoint")?;
        let time = 1_800_000_000u64;
        fs::write(self.path("to-cosign"), format!("cosignature/v1\ntime {time}\n{text}\n"))?;
        let signature = self.openssl(&["pkeyutl", "-sign", "-inkey", "w1.pem", "-rawin", "-in", "to-cosign"])?;
        let id = key.split('+').nth(1).ok_or("expected an ID in the key")?;
        let id: Vec<u8> =
            (0..8).step_by(2).map(|at| u8::from_str_radix(&id[at..at + 2], 16)).collect::<Result<_, _>>()?;
        fs::write(self.path("line"), [&id[..], &time.to_be_bytes(), &signature].concat())?;
        let line = String::from_utf8(self.openssl(&["base64", "-A", "-in", "line"])?)?;
        fs::write(self.path("answer"), format!("\u{2014} witness.example/w1 {}\n", line.trim()))?;
        self.at1(["ledger", "add-cosignature", "trades", "answer", "--policy", "asking"])?;
        self.at1(["verify", "trades", "--policy", "asking", "--require", "witnessed"])?;
        // The log's key that signs by now is another than the policy's: proofs are of those who know it.
        let log = fs::read_to_string(self.path("trades/_at1/ledger"))?;
        let newest = log.rsplit("\"add\":\"").next().and_then(|rest| rest.split('"').next()).ok_or("expected a key")?;
        fs::write(self.path("asking-new"), format!("log {newest}\nwitness w1 {key}\nquorum w1\n"))?;
        self.at1(["ledger", "prove", "trades", "--row", "0", "-o", "witnessed"])?;
        self.at1(["ledger", "check", "witnessed", "--policy", "asking-new"])?;
        let audited = self.audit(&["proof", "witnessed", "--policy", "asking-new"])?;
        match audited["witnesses"] == serde_json::json!(["w1"]) {
            true => Ok(()),
            false => Err(format!("expected a proof that w1 cosigned, found {audited}").into()),
        }
    }

    /// A time stamper of our own, by OpenSSL.
    fn stamp(&self) -> Result {
        const CONFIG: &str = "[t]\nserial = serial\nsigner_digest = sha256\ndefault_policy = 1.2.3.4\n\
            digests = sha256, sha384, sha512\n";
        fs::write(self.path("tsa.cnf"), CONFIG)?;
        fs::write(self.path("serial"), "01\n")?;
        let usage = "extendedKeyUsage=critical,timeStamping";
        let subject = ["-subj", "/CN=time stamper", "-days", "2", "-addext", usage];
        let make = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "tsa.key", "-out", "tsa.pem"];
        self.openssl(&[&make[..], &subject].concat())?;
        for (note, hash) in [("theirs.note", "-sha256"), ("new.note", "-sha512")] {
            self.openssl(&["ts", "-query", "-data", note, hash, "-cert", "-out", "query"])?;
            let reply = ["ts", "-reply", "-config", "tsa.cnf", "-section", "t", "-queryfile", "query"];
            let signer = ["-signer", "tsa.pem", "-inkey", "tsa.key", "-out", "receipt.tsr"];
            self.openssl(&[&reply[..], &signer].concat())?;
            self.at1(["ledger", "anchor", "trades", "--checkpoint", note, "--receipt", "receipt.tsr"])?;
        }
        // A receipt says something of now only if what named it was signed.
        self.at1(["ledger", "checkpoint", "trades", "--key", "theirs.pem"])?;
        let good = r#"openssl ts -verify -in "$AT1_RECEIPT" -data "$AT1_STAMPED" -CAfile tsa.pem"#;
        let verify = ["verify", "trades", "--policy", "policy", "--stamp-check"];
        self.at1(verify.iter().chain(&[good, "--require", "time-anchored", "--max-age", "1h"]))?;
        // Somebody else's certificate.
        fs::rename(self.path("tsa.pem"), self.path("first.pem"))?;
        self.openssl(&[&make[..], &subject].concat())?;
        self.at1_fails(4, &[&verify[..], &[good]].concat())
    }
}
