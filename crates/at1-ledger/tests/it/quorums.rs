//! Quorums: how many bad witnesses they bear and what times they state, against brute force over every set of witnesses.

use at1_ledger::{Policy, Quorum};

use crate::{
    keyring::Dice,
    policies::{weigh, witness_line},
};

/// k of n exclude forks by f bad ones if k > (n + f) / 2.
#[test]
fn thresholds() {
    for n in 1..=9_usize {
        let names: Vec<String> = (1..=n).map(|i| format!("w{i}")).collect();
        let witnesses: String = (1..=n).map(|i| witness_line(&names[i - 1], i as u8) + "\n").collect();
        for k in 1..=n {
            let text = format!("{witnesses}group g {k} {}\nquorum g\n", names.join(" "));
            let tolerated = Policy::parse(text.as_bytes()).unwrap().bad_witnesses_tolerated();
            assert_eq!(tolerated, (0..n).rev().find(|f| 2 * k > n + f), "{k} of {n}");
        }
    }
}

/// Witnesses of a random policy.
const MOST: u8 = 6;

/// A policy as a test knows it: nodes, the first ones witnesses.
struct Model {
    witnesses: usize,
    groups: Vec<(usize, Vec<usize>)>,
    quorum: usize,
}

impl Model {
    fn random(dice: &mut Dice) -> Self {
        let witnesses = 1 + dice.roll(usize::from(MOST));
        let (mut free, mut groups): (Vec<usize>, Vec<_>) = ((0..witnesses).collect(), vec![]);
        for _ in 0..dice.roll(5) {
            let mut members = vec![];
            for _ in 0..1 + dice.roll(free.len()) {
                members.push(free.swap_remove(dice.roll(free.len())));
            }
            free.push(witnesses + groups.len());
            groups.push((1 + dice.roll(members.len()), members));
        }
        // Often the newest group, which has most below it.
        let nodes = witnesses + groups.len();
        let quorum = if dice.roll(4) == 0 { dice.roll(nodes) } else { nodes - 1 };
        Self { witnesses, groups, quorum }
    }

    fn text(&self) -> String {
        let name = |node: &usize| format!("n{node}");
        let mut text = String::new();
        for node in 0..self.witnesses {
            text.push_str(&format!("{}\n", witness_line(&name(&node), node as u8 + 1)));
        }
        for (i, (threshold, members)) in self.groups.iter().enumerate() {
            let members: Vec<String> = members.iter().map(name).collect();
            text.push_str(&format!("group {} {threshold} {}\n", name(&(self.witnesses + i)), members.join(" ")));
        }
        format!("{text}quorum {}\n", name(&self.quorum))
    }

    /// Whether these witnesses, a bit for each, satisfy this node.
    fn holds(&self, node: usize, set: u32) -> bool {
        match node.checked_sub(self.witnesses) {
            None => set >> node & 1 == 1,
            Some(group) => {
                let (threshold, members) = &self.groups[group];
                members.iter().filter(|member| self.holds(**member, set)).count() >= *threshold
            }
        }
    }

    /// All sets of witnesses that are a quorum.
    fn quorums(&self) -> Vec<u32> {
        (0..1 << self.witnesses).filter(|set| self.holds(self.quorum, *set)).collect()
    }
}

#[test]
fn bad_witnesses_against_every_two_quorums() {
    let mut dice = Dice::new(1);
    let mut nested = 0;
    for _ in 0..600 {
        let model = Model::random(&mut dice);
        let policy = Policy::parse(model.text().as_bytes()).unwrap();
        let quorums = model.quorums();
        let least = quorums.iter().flat_map(|a| quorums.iter().map(move |b| (a & b).count_ones())).min().unwrap();
        let tolerated = (least as usize).checked_sub(1);
        assert_eq!(policy.bad_witnesses_tolerated(), tolerated, "{}", model.text());
        // Said where no witness that two quorums share need be honest, or one alone decides.
        let weak = match tolerated {
            None => Some("need not share any witness"),
            Some(0) => Some("share a single witness"),
            Some(_) => None,
        };
        assert!(match (policy.weakness(), weak) {
            (Some(said), Some(expected)) => said.contains(expected),
            (said, expected) => said == expected,
        });
        let quorum = model.quorum.checked_sub(model.witnesses).map(|group| &model.groups[group].1);
        nested += usize::from(quorum.is_some_and(|members| members.iter().any(|member| *member >= model.witnesses)));
    }
    assert!(nested > 100, "{nested} of 600 have groups in groups");
}

#[test]
fn times_against_every_quorum() {
    let mut dice = Dice::new(2);
    let [mut met, mut missing] = [0; 2];
    for _ in 0..250 {
        let model = Model::random(&mut dice);
        let policy = Policy::parse(model.text().as_bytes()).unwrap();
        // Times by their witness; some of them cosigned twice, some never.
        let mut cosigned: Vec<(u8, u64)> = vec![];
        for seed in 1..=model.witnesses as u8 {
            (0..dice.roll(3)).for_each(|_| cosigned.push((seed, 1 + dice.roll(20) as u64)));
        }
        let of = |node: usize| cosigned.iter().filter(move |(seed, _)| usize::from(*seed) == node + 1).map(|(_, t)| *t);
        let here = (0..model.witnesses).filter(|node| of(*node).next().is_some()).fold(0, |set, node| set | 1 << node);
        let members = |set: u32| (0..model.witnesses).filter(move |node| set >> node & 1 == 1);
        // The worst that a quorum says at its best: seen when the last of it had seen, fresh as long as the first still did.
        let quorums: Vec<u32> = model.quorums().into_iter().filter(|set| set & !here == 0).collect();
        let seen_by = quorums.iter().map(|set| members(*set).map(|node| of(node).min().unwrap()).max().unwrap()).min();
        let fresh_at = quorums.iter().map(|set| members(*set).map(|node| of(node).max().unwrap()).min().unwrap()).max();
        let expected = match (seen_by, fresh_at) {
            (Some(seen_by), Some(fresh_at)) => Quorum::Met { seen_by, fresh_at },
            _ => Quorum::Missing,
        };
        let trust = weigh(&policy, &cosigned);
        assert_eq!(trust.quorum, expected, "{}{cosigned:?}", model.text());
        assert_eq!(trust.cosigned.len(), here.count_ones() as usize);
        for found in &trust.cosigned {
            let node = found.name.to_string()[1..].parse().unwrap();
            assert_eq!((found.first, found.last), (of(node).min().unwrap(), of(node).max().unwrap()));
        }
        *(if expected == Quorum::Missing { &mut missing } else { &mut met }) += 1;
    }
    assert!(met > 50 && missing > 50, "{met} {missing}");
}
