//! Breadth-first search through all states of a model.
//!
//! * A state is visited once. States are told apart by 64 bits of hash: of a million, two are the same by chance once in 30 million searches.
//! * The first state that breaks an invariant comes with the shortest way to it.

use std::{
    collections::{HashSet, VecDeque},
    fmt::Display,
    hash::{DefaultHasher, Hash, Hasher},
};

/// Something with states and steps between them.
pub(super) trait Model {
    type State: Clone + Hash;
    /// What leads from one state to another, small.
    type Step: Copy + Display;

    fn start(&self) -> Self::State;
    /// The steps that can be taken, with the state that each leads to, or with what it breaks.
    fn steps(&self, state: &Self::State, take: &mut dyn FnMut(Self::Step, Result<Self::State, String>));
    /// What must hold in every state.
    fn check(&self, state: &Self::State) -> Result<(), String>;
}

/// What a search found.
pub(super) struct Found {
    pub(super) states: usize,
    pub(super) transitions: usize,
    /// The shortest way to a state that must not be, and why it must not.
    pub(super) counterexample: Option<String>,
}

/// Visits every state there is, or ends at the first that must not be.
pub(super) fn search<M: Model>(model: &M) -> Found {
    let start = model.start();
    let mut seen = HashSet::from([fingerprint(&start)]);
    // For each state its predecessor and the step from there.
    let mut came: Vec<(usize, Option<M::Step>)> = vec![(0, None)];
    let mut queue = VecDeque::from([(0, start)]);
    let mut transitions = 0;
    while let Some((id, state)) = queue.pop_front() {
        let mut broken = None;
        model.steps(&state, &mut |step, next| {
            transitions += 1;
            let checked = next.and_then(|next| match seen.insert(fingerprint(&next)) {
                true => model.check(&next).map(|()| Some(next)),
                false => Ok(None),
            });
            match checked {
                Ok(None) => {}
                Ok(Some(next)) => {
                    queue.push_back((came.len(), next));
                    came.push((id, Some(step)));
                }
                Err(why) => {
                    broken.get_or_insert((step, why));
                }
            }
        });
        if let Some((step, why)) = broken {
            let mut way = vec![step.to_string()];
            let mut at = id;
            while let (before, Some(step)) = came[at] {
                way.push(step.to_string());
                at = before;
            }
            way.reverse();
            let counterexample = Some(format!("{}\n  → {why}", way.join("\n")));
            return Found { states: seen.len(), transitions, counterexample };
        }
    }
    Found { states: seen.len(), transitions, counterexample: None }
}

fn fingerprint(state: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    state.hash(&mut hasher);
    hasher.finish()
}
