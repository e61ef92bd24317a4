//! Trust policies (C2SP tlog-policy): which log keys, which witnesses, and how many of them must agree.
//!
//! ```text
//! log VKEY [URL]
//! witness NAME VKEY [URL]
//! group NAME all|any|K NAME…
//! quorum NAME|none
//! ```
//!
//! * What is demanded is decided here, by a file of the verifier's, never by what lies beside the data: else deleting
//!   signatures would be an attack that works.
//! * Names are octets, compared as they are. Each is a member at most once, so groups form a forest and no witness counts twice.

use std::{collections::HashMap, fmt};

use crate::{
    checkpoint::{SignedCheckpoint, parse_number},
    error::{Error, ErrorKind, Result},
    key::{KeyType, VerifierKey},
};

/// The most witnesses and groups of a policy: groups of groups are walked by recursion.
pub const POLICY_NAMES_MAX: usize = 1024;

/// What a verifier demands of a checkpoint.
///
/// ```
/// use at1_ledger::Policy;
///
/// let policy = Policy::parse(
///     b"log at1.local/000102030405060708090a0b0c0d0e0f+d7ac47ae+AddamAGCsQq31Uv+08lkBzoO4XLz2qYjJa8CGmj3B1Ea\n\
///       witness w1 witness.example/w1+04d2d833+BD1AF8PoQ4lakrcKp00bfrycmCzPLsSWjMDNVfEq9GYM\n\
///       quorum w1\n",
/// )?;
/// assert_eq!((policy.logs().len(), policy.witnesses().len()), (1, 1));
/// // One witness, which every quorum has: if it is honest there is no fork.
/// assert_eq!(policy.bad_witnesses_tolerated(), Some(0));
/// # Ok::<(), at1_ledger::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    logs: Vec<VerifierKey>,
    witnesses: Vec<Witness>,
    /// Members before the groups they are in.
    nodes: Vec<Node>,
    quorum: Option<usize>,
}

/// A witness of a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Witness {
    /// Its name in the policy, which means nothing elsewhere.
    pub name: Name,
    /// Its key.
    pub key: VerifierKey,
    /// Where requests to it go.
    pub url: Option<String>,
}

/// A name in a policy: octets.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Name(Vec<u8>);

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.escape_ascii())
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A name that can be a member.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Node {
    /// By its place among the witnesses.
    Witness(usize),
    /// At least so many of its members.
    Group { threshold: usize, members: Vec<usize> },
}

/// What a checkpoint has of what a policy demands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trust {
    /// The keys that signed as the log.
    pub signed: Vec<VerifierKey>,
    /// The policy's witnesses that cosigned.
    pub cosigned: Vec<Cosigned>,
    /// Whether they are a quorum.
    pub quorum: Quorum,
}

/// That a witness cosigned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cosigned {
    /// Its name in the policy.
    pub name: Name,
    /// The first time, in seconds since 1970.
    pub first: u64,
    /// The last time.
    pub last: u64,
}

/// Whether enough witnesses cosigned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quorum {
    /// The policy demands none.
    NotAsked,
    /// The witnesses that cosigned are not enough.
    Missing,
    /// They are enough.
    Met {
        /// By this time, in seconds since 1970, a quorum had seen this tree, so it existed.
        seen_by: u64,
        /// At this time it was still the newest tree that a quorum had seen.
        fresh_at: u64,
    },
}

impl Policy {
    /// Reads a policy file.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`], with the line, if it breaks the format; [`ErrorKind::Unknown`] if it has keys of a type that
    /// this version cannot check.
    pub fn parse(file: &[u8]) -> Result<Self> {
        let mut reader = Reader::default();
        for (i, line) in file.split(|byte| *byte == b'\n').enumerate() {
            reader.line(line).map_err(|error| error.at(format_args!("policy: line {}", i + 1)))?;
        }
        reader.finish().map_err(|error| error.at("policy"))
    }

    /// A policy that asks for nothing but a signature of one of these keys.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`] if one of them is no log's key, or is there twice.
    pub fn of_logs(logs: Vec<VerifierKey>) -> Result<Self> {
        let mut reader = Reader { quorum: Some(None), ..Reader::default() };
        logs.into_iter().try_for_each(|key| reader.log(key))?;
        reader.finish()
    }

    /// The keys of logs; each is named like its log's origin.
    pub fn logs(&self) -> &[VerifierKey] {
        &self.logs
    }

    /// The witnesses, whether the quorum asks for them or not.
    pub fn witnesses(&self) -> &[Witness] {
        &self.witnesses
    }

    /// Whether a checkpoint needs cosignatures.
    pub fn asks_for_witnesses(&self) -> bool {
        self.quorum.is_some()
    }

    /// How many witnesses may be dishonest without a fork becoming possible: one less than any two quorums have in common.
    /// `None` if two quorums need not have any witness in common, or no witness is asked for: then one log can show two
    /// histories, each with all the cosignatures that this policy demands.
    ///
    /// For a threshold of k of n that is the rule k > (n + f) / 2 for f bad ones. In nested groups the members that two quorums
    /// must share are counted where they share the least.
    pub fn bad_witnesses_tolerated(&self) -> Option<usize> {
        self.shared(self.quorum?).checked_sub(1)
    }

    /// What its quorum cannot exclude, if a single dishonest witness is enough for a fork.
    pub fn weakness(&self) -> Option<&'static str> {
        match self.bad_witnesses_tolerated() {
            _ if !self.asks_for_witnesses() => None,
            None => Some(
                "two quorums of the policy need not share any witness: the log alone can show two histories, each witnessed as it asks",
            ),
            Some(0) => Some(
                "two quorums of the policy share a single witness at the least: with that one's help the log can show two histories",
            ),
            Some(_) => None,
        }
    }

    /// The fewest witnesses that two sets have in common that both satisfy this node.
    fn shared(&self, node: usize) -> usize {
        match &self.nodes[node] {
            Node::Witness(_) => 1,
            Node::Group { threshold, members } => {
                let mut shared: Vec<usize> = members.iter().map(|member| self.shared(*member)).collect();
                shared.sort_unstable();
                // Two choices of k out of n share at least 2k - n members; the cheapest ones.
                let both = (2 * threshold).saturating_sub(members.len());
                shared[..both].iter().sum()
            }
        }
    }

    /// Holds a checkpoint against the policy.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Untrusted`] if none of the policy's keys is named like the checkpoint's origin, [`ErrorKind::Unproven`] if a
    /// signature claims to be of one of the policy's keys and does not verify.
    pub fn weigh(&self, checkpoint: &SignedCheckpoint) -> Result<Trust> {
        let keys = self.logs_of(&checkpoint.checkpoint().origin).map_err(|error| error.at("checkpoint"))?;
        self.weigh_by(checkpoint, &keys)
    }

    /// The keys of the log with this origin.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Untrusted`] if the policy has none.
    pub fn logs_of(&self, origin: &str) -> Result<Vec<VerifierKey>> {
        let keys: Vec<_> = self.logs.iter().filter(|key| key.name() == origin).cloned().collect();
        if keys.is_empty() {
            let known: Vec<&str> = self.logs.iter().map(VerifierKey::name).collect();
            let message = format!("expected a log of the policy ({}), found {origin:.255}", known.join(", "));
            return Err(Error::new(ErrorKind::Untrusted, message));
        }
        Ok(keys)
    }

    /// As [`Policy::weigh`], where these keys sign as the log: those that the policy's keys handed over to, by
    /// [`Handovers`](crate::Handovers).
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unproven`] as [`Policy::weigh`].
    pub fn weigh_by(&self, checkpoint: &SignedCheckpoint, logs: &[VerifierKey]) -> Result<Trust> {
        let mut trust = Trust { signed: vec![], cosigned: vec![], quorum: Quorum::NotAsked };
        // A signature of any known key must verify, also where it is not asked for.
        for key in &self.logs {
            checkpoint.is_signed_by(key)?;
        }
        for key in logs {
            if checkpoint.is_signed_by(key)? {
                trust.signed.push(key.clone());
            }
        }
        let mut times = vec![None; self.witnesses.len()];
        for (witness, time) in self.witnesses.iter().zip(&mut times) {
            if let Some(cosigned) = checkpoint.cosigned_at(&witness.key)? {
                let (first, last) = cosigned.into_inner();
                *time = Some((first, last));
                trust.cosigned.push(Cosigned { name: witness.name.clone(), first, last });
            }
        }
        if let Some(quorum) = self.quorum {
            let seen_by = self.least(quorum, &|witness| Some(times[witness]?.0));
            // The later a time, the less is left after it.
            let left = self.least(quorum, &|witness| Some(u64::MAX - times[witness]?.1));
            trust.quorum = match (seen_by, left) {
                (Some(seen_by), Some(left)) => Quorum::Met { seen_by, fresh_at: u64::MAX - left },
                _ => Quorum::Missing,
            };
        }
        Ok(trust)
    }

    /// The least number such that the witnesses which have at most that satisfy this node.
    fn least(&self, node: usize, number: &dyn Fn(usize) -> Option<u64>) -> Option<u64> {
        match &self.nodes[node] {
            Node::Witness(witness) => number(*witness),
            Node::Group { threshold, members } => {
                let mut found: Vec<u64> = members.iter().filter_map(|member| self.least(*member, number)).collect();
                found.sort_unstable();
                found.get(threshold - 1).copied()
            }
        }
    }
}

impl Trust {
    /// Whether the log signed, and as many witnesses cosigned as the policy asks for.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Untrusted`] that says what is missing.
    pub fn expect(&self) -> Result<()> {
        let missing = match (self.signed.is_empty(), self.quorum) {
            (true, _) => "expected a signature of a log key of the policy, found none".to_owned(),
            (false, Quorum::Missing) => match self.cosigned.len() {
                0 => "expected cosignatures of a quorum of the policy, found none".to_owned(),
                found => format!("expected cosignatures of a quorum of the policy, found {found}, which are too few"),
            },
            _ => return Ok(()),
        };
        Err(Error::new(ErrorKind::Untrusted, missing).at("checkpoint"))
    }
}

/// A policy that is being read.
#[derive(Default)]
struct Reader {
    logs: Vec<VerifierKey>,
    witnesses: Vec<Witness>,
    nodes: Vec<Node>,
    names: HashMap<Vec<u8>, usize>,
    /// Nodes that are a member of something.
    taken: Vec<bool>,
    quorum: Option<Option<usize>>,
}

impl Reader {
    fn line(&mut self, line: &[u8]) -> Result<()> {
        let is_allowed = |byte: &u8| matches!(byte, b'\t' | 0x20..=0x7e | 0x80..);
        if let Some(byte) = line.iter().find(|byte| !is_allowed(byte)) {
            return Err(Error::invalid(format!("expected no control character but tab, found 0x{byte:02x}")));
        }
        let words: Vec<&[u8]> =
            line.split(|byte| matches!(byte, b' ' | b'\t')).filter(|word| !word.is_empty()).collect();
        match words[..] {
            [] => Ok(()),
            [first, ..] if first.starts_with(b"#") => Ok(()),
            [b"log", key] | [b"log", key, _] => self.log(parse_key(key)?),
            [b"witness", name, key] => self.witness(name, key, None),
            [b"witness", name, key, url] => self.witness(name, key, Some(url)),
            [b"group", name, threshold, ref members @ ..] => self.group(name, threshold, members),
            [b"quorum", name] => self.quorum(name),
            _ => Err(Error::invalid(format!(
                "expected log VKEY [URL], witness NAME VKEY [URL], group NAME all|any|K NAME… or quorum NAME, found {:.160}",
                line.escape_ascii().to_string()
            ))),
        }
    }

    fn log(&mut self, key: VerifierKey) -> Result<()> {
        if key.kind() != KeyType::Ed25519 {
            return Err(Error::invalid(format!("expected a log's key, of type 0x01, found {key}")));
        }
        if self.logs.iter().any(|log| log.public() == key.public()) {
            return Err(Error::invalid(format!("expected each log key once, found {key} again")));
        }
        self.logs.push(key);
        Ok(())
    }

    fn witness(&mut self, name: &[u8], key: &[u8], url: Option<&[u8]>) -> Result<()> {
        let key = parse_key(key)?;
        if key.kind() != KeyType::Cosignature {
            return Err(Error::invalid(format!("expected a witness's key, of type 0x04, found {key}")));
        }
        if self.witnesses.iter().any(|witness| witness.key.public() == key.public()) {
            return Err(Error::invalid(format!("expected each witness key once, found {key} again")));
        }
        let url = url.map(|url| String::from_utf8_lossy(url).into_owned());
        self.witnesses.push(Witness { name: Name(name.to_vec()), key, url });
        self.define(name, Node::Witness(self.witnesses.len() - 1))
    }

    fn group(&mut self, name: &[u8], threshold: &[u8], members: &[&[u8]]) -> Result<()> {
        let mut nodes = vec![];
        for member in members {
            let node = self.known(member)?;
            if std::mem::replace(&mut self.taken[node], true) {
                let message = format!("expected each name in one group, found {} again", member.escape_ascii());
                return Err(Error::invalid(message));
            }
            nodes.push(node);
        }
        let count = nodes.len();
        let threshold = match threshold {
            b"any" => Some(1),
            b"all" => Some(count),
            number => str::from_utf8(number)
                .ok()
                .and_then(|number| parse_number(number).ok())
                .and_then(|number| usize::try_from(number).ok()),
        };
        match threshold.filter(|threshold| (1..=count).contains(threshold)) {
            Some(threshold) => self.define(name, Node::Group { threshold, members: nodes }),
            None => Err(Error::invalid(format!("expected any, all, or 1 to {count} of {count} members"))),
        }
    }

    fn quorum(&mut self, name: &[u8]) -> Result<()> {
        if self.quorum.is_some() {
            return Err(Error::invalid("expected one quorum, found another"));
        }
        self.quorum = Some(match name {
            b"none" => None,
            name => Some(self.known(name)?),
        });
        Ok(())
    }

    fn define(&mut self, name: &[u8], node: Node) -> Result<()> {
        if name == b"none" || self.names.contains_key(name) {
            let message = format!("expected a name that is not taken, found {}", name.escape_ascii());
            return Err(Error::invalid(message));
        }
        if self.nodes.len() == POLICY_NAMES_MAX {
            return Err(Error::invalid(format!(
                "expected at most {POLICY_NAMES_MAX} witnesses and groups, found more"
            )));
        }
        self.names.insert(name.to_vec(), self.nodes.len());
        self.nodes.push(node);
        self.taken.push(false);
        Ok(())
    }

    fn known(&self, name: &[u8]) -> Result<usize> {
        self.names.get(name).copied().ok_or_else(|| {
            Error::invalid(format!("expected a witness or group of a line before, found {}", name.escape_ascii()))
        })
    }

    fn finish(self) -> Result<Policy> {
        let Self { logs, witnesses, nodes, quorum, .. } = self;
        match quorum {
            Some(quorum) => Ok(Policy { logs, witnesses, nodes, quorum }),
            None => Err(Error::invalid("expected a line quorum NAME or quorum none, found neither")),
        }
    }
}

fn parse_key(word: &[u8]) -> Result<VerifierKey> {
    String::from_utf8_lossy(word).parse()
}
