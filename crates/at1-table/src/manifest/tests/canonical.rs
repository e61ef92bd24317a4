//! The same events make the same bytes, in whatever steps.

use std::{collections::BTreeSet, sync::Arc};

use at1_testkit::Rng;

use super::world::{World, fold, nothing};
use crate::{
    manifest::{Manifest, Tail, blocks},
    paths,
    store::{LocalStore, Store},
};

fn store(folder: &tempfile::TempDir) -> Arc<dyn Store> {
    let store = LocalStore::new(folder.path());
    store.make_folder(paths::STAGING).unwrap();
    Arc::new(store)
}

fn listed(store: &dyn Store) -> BTreeSet<String> {
    store
        .list(paths::MANIFEST)
        .unwrap()
        .into_iter()
        .map(|entry| format!("{}/{}", paths::MANIFEST, entry.name))
        .collect()
}

/// Folds a history in steps at random, some of them over files; compares with the same in one step.
fn check(seed: u64, events: usize) {
    let mut world = World::new(seed);
    let folder = tempfile::tempdir().unwrap();
    let store = store(&folder);
    let mut steps = Rng::new(seed);
    let (mut tail, mut all) = (nothing(), nothing());
    for n in 0..events {
        world.step();
        let step = world.steps.last().unwrap();
        fold(&mut tail, step);
        fold(&mut all, step);
        if !steps.one_in(20) && n + 1 < events {
            continue;
        }
        let next = tail.advance().unwrap();
        assert_eq!(*next.root(), tail.root(), "seed {seed}, event {n}");
        tail = match steps.one_in(2) || n + 1 == events {
            true => {
                next.write(&*store).unwrap();
                // What only the manifests before had goes, and what is there is what the new one reaches.
                for sha256 in next.superseded() {
                    let _ = store.remove(&blocks::path(*sha256));
                }
                let reached: BTreeSet<_> = next.blocks().unwrap().into_iter().map(blocks::path).collect();
                assert_eq!(listed(&*store), reached, "seed {seed}, event {n}");
                match steps.one_in(2) {
                    true => Tail::new(Manifest::open(Arc::clone(&store), next.reference()).unwrap().unwrap()),
                    false => Tail::new(next),
                }
            }
            false => Tail::new(next),
        };
    }
    let at_once = all.advance().unwrap();
    assert_eq!(at_once.reference(), tail.manifest().reference(), "seed {seed}");
    assert_eq!(at_once.blocks().unwrap(), tail.manifest().blocks().unwrap(), "seed {seed}");
    let made: BTreeSet<_> = at_once.store().fresh().map(|(sha256, _)| sha256).collect();
    assert_eq!(made, at_once.blocks().unwrap(), "seed {seed}: blocks that nothing reaches");
}

#[test]
fn every_way_to_the_same_events_makes_the_same_bytes() {
    for seed in 0..3 {
        check(seed, 200);
    }
    check(100, 500);
}

#[test]
fn a_short_history_too() {
    for seed in 200..220 {
        check(seed, 1 + seed as usize % 17);
    }
}

#[test]
fn an_append_makes_few_blocks() {
    let world = World::of(1, 900);
    let mut tail = nothing();
    world.steps[..890].iter().for_each(|step| fold(&mut tail, step));
    let before = tail.advance().unwrap();
    let mut tail = Tail::new(before.clone());
    world.steps[890..].iter().for_each(|step| fold(&mut tail, step));
    let after = tail.advance().unwrap();
    let (before, after) = (before.blocks().unwrap(), after.blocks().unwrap());
    let made = after.difference(&before).count();
    assert!(before.len() > 150, "{} blocks: too few to tell anything", before.len());
    assert!(made < 60, "{made} new blocks of {}", after.len());
}

#[test]
fn a_block_that_was_there_already_is_kept_and_a_damaged_one_replaced() {
    let world = World::of(3, 60);
    let mut tail = nothing();
    world.steps.iter().for_each(|step| fold(&mut tail, step));
    let folder = tempfile::tempdir().unwrap();
    let store = store(&folder);
    tail.advance().unwrap().write(&*store).unwrap();
    let names: Vec<_> = listed(&*store).into_iter().collect();
    let whole = |name: &str| crate::store::read_whole(&*store, name).unwrap();
    let good: Vec<_> = names.iter().map(|name| whole(name)).collect();
    store.remove(&names[0]).unwrap();
    store.remove(&names[1]).unwrap();
    store.create(&names[1], b"not a block").unwrap();
    tail.advance().unwrap().write(&*store).unwrap();
    let found: Vec<_> = names.iter().map(|name| whole(name)).collect();
    assert!(good == found);
}
