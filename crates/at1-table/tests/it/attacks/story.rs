//! A table with a past, and those outside who saw some of it.
//!
//! ```text
//! event  second
//!   0              append
//!   1              append
//!   2              the log's key; a checkpoint of 3 events
//!           10     the witnesses cosign that; `older` is the directory of now
//!           20     it is stamped
//!   3              anchor: the stamp's receipt
//!                  ... `Story::begin` ends here
//!   4              compact: the first two batches are one segment
//!   5              vacuum: their old segments are gone
//!   6              append; a checkpoint of 7 events
//!         1000     the witnesses cosign that
//!         1010     it is stamped
//!   7              anchor; a checkpoint of 8 events
//!         1020     the witnesses cosign that
//!                  ... `Story::tell` ends here
//!         1100     now
//! ```

use std::{
    collections::BTreeMap,
    sync::{Arc, LazyLock},
    time::Duration,
};

use at1_ledger::{Memory, Policy, SecretKey, SignedCheckpoint, Signer as _, verify_chain};
use at1_table::{ChainHead, CompactOptions, Table, VerifyOptions, VerifyReport, paths};
use at1_testkit::{fault::Image, store::MemStore};

use super::{stamper::Stamper, witness::Witness};
use crate::{
    append,
    attest::{log_key, named, policy, verify, witness},
    legal::compact_all,
    open,
    roots::rooting,
};

pub(crate) const BATCHES: [&str; 3] = ["id,name\n1,ada\n2,bob\n", "id,name\n3,cy\n4,di\n", "id,name\n5,eve\n6,fay\n"];
/// The same but for a name in each, as long as before.
pub(crate) const EVIL: [&str; 3] = ["id,name\n1,eva\n2,bob\n", "id,name\n3,cy\n4,dy\n", "id,name\n5,eve\n6,foy\n"];

/// How old the newest statement of others may be where that is asked.
pub(crate) const MAX_AGE: Duration = Duration::from_secs(200);
pub(crate) const NOW: u64 = 1100;

const WITNESSES: [u8; 3] = [11, 12, 13];

fn new_witness(seed: u8) -> Witness {
    Witness::new(witness(seed), vec![log_key(1).key().clone()])
}

pub(crate) type Files = BTreeMap<String, Vec<u8>>;

pub(crate) struct Story {
    pub(crate) store: MemStore,
    /// Somebody who has the table open all the time.
    pub(crate) handle: Table,
    pub(crate) key: SecretKey,
    pub(crate) signer: Option<Memory>,
    pub(crate) witnesses: Vec<Witness>,
    pub(crate) stamper: Stamper,
    /// What was stamped.
    pub(crate) stamped: Vec<SignedCheckpoint>,
    /// Second 0, since 1970.
    pub(crate) start: u64,
    /// The directory after the first cosignatures.
    pub(crate) older: Files,
}

/// What somebody outside kept of a story.
#[derive(Clone)]
pub(crate) struct Outside {
    pub(crate) memory: Memory,
    pub(crate) head: ChainHead,
    /// The newest checkpoint whose receipt they have.
    pub(crate) stamped: SignedCheckpoint,
}

impl Story {
    /// All of it, as it was.
    pub(crate) fn told() -> Self {
        static TOLD: LazyLock<Story> = LazyLock::new(|| Story::tell(BATCHES));
        TOLD.again()
    }

    /// Another table's, with the other names.
    pub(crate) fn evil() -> Self {
        static TOLD: LazyLock<Story> = LazyLock::new(|| Story::tell(EVIL));
        TOLD.again()
    }

    /// The same on a disk of its own.
    fn again(&self) -> Self {
        let store = self.store.crash(Image::Everything);
        let witness =
            |(at, seed): (usize, u8)| Witness { newest: self.witnesses[at].newest.clone(), ..new_witness(seed) };
        Self {
            handle: open(&store),
            store,
            key: log_key(1),
            signer: self.signer.clone(),
            witnesses: WITNESSES.into_iter().enumerate().map(witness).collect(),
            stamper: self.stamper.clone(),
            stamped: self.stamped.clone(),
            start: self.start,
            older: self.older.clone(),
        }
    }

    /// All of it.
    pub(crate) fn tell(batches: [&str; 3]) -> Self {
        let mut story = Self::begin(batches);
        story.go_on(batches);
        story
    }

    /// Up to the first anchor.
    pub(crate) fn begin(batches: [&str; 3]) -> Self {
        let (store, handle) = named();
        let key = log_key(1);
        let witnesses = WITNESSES.map(new_witness).into();
        append(&rooting(&store), batches[0]);
        let ts = verify_chain(&store.files()[paths::LEDGER]).state.unwrap().ts().unwrap();
        let start = u64::try_from(ts.nanos() / 1_000_000_000).unwrap() + 1;
        let stamper = Stamper::default();
        let (signer, stamped, older) = (None, vec![], Files::new());
        let mut story = Self { store, handle, key, signer, witnesses, stamper, stamped, start, older };
        append(&story.table(), batches[1]);
        story.sign();
        story.cosign(10);
        story.older = story.store.files();
        story.anchor(20);
        story
    }

    /// The rest.
    pub(crate) fn go_on(&mut self, batches: [&str; 3]) {
        let both = CompactOptions { upto: Some(2), ..compact_all() };
        self.table().compact(&both).unwrap();
        append(&self.table(), batches[2]);
        self.sign();
        self.cosign(1000);
        self.anchor(1010);
        self.sign();
        self.cosign(1020);
    }

    /// A handle that binds a root of the manifest with every event.
    pub(crate) fn table(&self) -> Table {
        rooting(&self.store)
    }

    pub(crate) fn sign(&mut self) -> SignedCheckpoint {
        self.table().checkpoint(&self.key, &mut self.signer).unwrap().checkpoint
    }

    /// All witnesses are asked, and cosign.
    pub(crate) fn cosign(&mut self, second: u64) {
        let (table, at) = (self.table(), self.start + second);
        self.witnesses.iter_mut().for_each(|witness| witness.be_asked(&table, at).unwrap());
    }

    /// The newest checkpoint is stamped, and the table takes the receipt in.
    pub(crate) fn anchor(&mut self, second: u64) {
        let note = self.store.files()[paths::CHECKPOINT].clone();
        let receipt = self.stamper.stamp(&note, self.start + second);
        assert!(!self.table().anchor(&note, &receipt).unwrap().known);
        self.stamped.push(SignedCheckpoint::parse(&note).unwrap());
    }

    /// What somebody keeps who verifies the table now.
    pub(crate) fn outside(&self) -> Outside {
        let report = self.verify(&VerifyOptions { stamps: self.stamps(), ..VerifyOptions::default() });
        assert_eq!((report.verdict().exit_code(), &report.findings[..]), (0, &[][..]), "the story is sound");
        Outside {
            memory: report.memory.unwrap(),
            head: report.chain_head.unwrap(),
            stamped: self.stamped.last().unwrap().clone(),
        }
    }

    pub(crate) fn verify(&self, options: &VerifyOptions) -> VerifyReport {
        let now = options.now.or(Some(super::stamper::time(self.start + NOW)));
        verify(&self.store, &VerifyOptions { now, threads: Some(1), ..options.clone() })
    }

    /// A policy with the first key: so many of the witnesses.
    pub(crate) fn policy(&self, threshold: usize) -> Policy {
        let keys: Vec<_> = self.witnesses.iter().map(|witness| &witness.key).collect();
        policy(log_key(1).key(), if threshold == 0 { &[] } else { &keys }, threshold)
    }

    pub(crate) fn stamps(&self) -> Option<Arc<dyn at1_table::StampCheck>> {
        Some(Arc::new(self.stamper.clone()))
    }
}
