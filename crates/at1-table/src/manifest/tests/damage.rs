//! Bytes that were changed give an error or the same answers, and bytes that lie give an error or any answer, but end.

use std::{collections::BTreeMap, sync::Arc};

use at1_catalog::{Predicate, Pruning, packed::Cursor};
use at1_ledger::{Digest, Produced, SchemaEvent};
use at1_testkit::Rng;

use super::world::{World, fold, nothing, schema_of};
use crate::{
    error::Result,
    manifest::{
        Manifest, Pending, Question, Tail,
        block::{self, Head, Kind},
        blocks::{self, Blocks},
        columns::Column,
        events::{Events, EventsRef},
        is_to_blame,
        lists::List,
        node::{Node, NodeRef},
        root,
    },
    paths,
    store::{LocalStore, Store},
};

/// Every answer that a manifest has, as text.
fn answers(manifest: &Manifest, world: &World) -> Result<String> {
    let tail = Tail::new(manifest.clone());
    let mut all = format!("{:?}", manifest.root());
    let mut say = |answer: &dyn std::fmt::Debug| all += &format!("{answer:?}\n");
    say(&tail.live.range_with_digests(0..u64::MAX).collect::<Result<Vec<_>>>()?);
    for n in 0..manifest.root().events {
        say(&manifest.event(n)?);
    }
    say(&(manifest.schema()?, manifest.replaced()?, manifest.producer("p1")?));
    for column in 0..6 {
        tail.live.visit_zones(column, &mut |pin, zone, rows| {
            say(&(pin, zone, rows));
            Ok(true)
        })?;
    }
    let asked = world.pins.last().unwrap();
    let bound = "c0 > 20 OR c1 < -20.5 OR c2 = 'k000990'".parse::<Predicate>()?.bind(&schema_of(&world.pins[0]))?;
    let question = Question {
        bound,
        asked: Arc::clone(&world.pins[0]),
        batches: 0..u64::MAX,
        rows: 0..u64::MAX,
        pruning: Pruning::On,
    };
    say(&asked.len());
    say(&tail.live.plan(question).collect::<Result<Vec<_>>>()?);
    say(&manifest.blocks()?);
    Ok(all)
}

#[test]
fn every_changed_byte_is_noticed() {
    let world = World::of(11, 22);
    let mut tail = nothing();
    world.steps.iter().for_each(|step| fold(&mut tail, step));
    let manifest = tail.advance().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let store: Arc<dyn Store> = Arc::new(LocalStore::new(folder.path()));
    store.make_folder(paths::STAGING).unwrap();
    manifest.write(&*store).unwrap();
    let reopen = || Manifest::open(Arc::clone(&store), manifest.reference()).unwrap();
    let expected = answers(&reopen().unwrap(), &world).unwrap();
    let names: Vec<_> = manifest.blocks().unwrap().into_iter().map(blocks::path).collect();
    assert!(names.len() > 9, "{} blocks tell too little", names.len());
    let mut bit = 0;
    for name in names {
        let path = folder.path().join(&name);
        let good = std::fs::read(&path).unwrap();
        let replace = |bytes: &[u8]| {
            // Not by the store, which waits for the disk.
            std::fs::remove_file(&path).unwrap();
            std::fs::write(&path, bytes).unwrap();
        };
        let check = |what: &str| {
            let found = match reopen() {
                None => return,
                Some(manifest) => answers(&manifest, &world),
            };
            match found {
                Err(error) => assert!(is_to_blame(&error), "{name}: {what}: {error}"),
                // Nobody may have asked for the part that was changed.
                Ok(found) => assert!(found == expected, "{name}: {what}: another answer"),
            }
        };
        for at in (bit % 3..good.len()).step_by(3) {
            let mut bytes = good.clone();
            bytes[at] ^= 1 << (bit % 8);
            bit += 3;
            replace(&bytes);
            check(&format!("byte {at}"));
        }
        for cut in [0, 1, good.len() / 2, good.len() - 1] {
            replace(&good[..cut]);
            check(&format!("cut at {cut}"));
        }
        std::fs::remove_file(&path).unwrap();
        check("removed");
        std::fs::write(&path, &good).unwrap();
        assert!(answers(&reopen().unwrap(), &world).unwrap() == expected);
    }
}

/// The same bytes with a few of them changed, cut off or put in.
fn spoil(bytes: &[u8], rng: &mut Rng) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for _ in 0..rng.between(1, 3) {
        let at = rng.index(bytes.len() + 1);
        match rng.below(6) {
            0 => bytes.truncate(at),
            1 => bytes.insert(at, rng.next() as u8),
            2 if at < bytes.len() => bytes[at] = rng.pick::<[u8]>(&[&[0], &[1], &[255], &[128]])[0],
            _ if at < bytes.len() => bytes[at] ^= 1 << rng.below(8),
            _ => {}
        }
    }
    bytes
}

/// A block made of parts that were spoiled, whose digests hold.
fn spoiled_block(bytes: &[u8], head_bytes: u64, rng: &mut Rng) -> Option<(block::Made, Head)> {
    let head = Head::parse(&bytes[..head_bytes as usize]).ok()?;
    let mut parts: Vec<Vec<u8>> = (0..head.parts())
        .map(|part| {
            let (start, length, _) = head.part(part).unwrap();
            bytes[start as usize..start as usize + length as usize].to_vec()
        })
        .collect();
    if parts.is_empty() {
        return None;
    }
    let victim = rng.index(parts.len());
    parts[victim] = spoil(&parts[victim], rng);
    if rng.one_in(10) {
        parts.truncate(victim);
    }
    let items = if rng.one_in(5) { rng.index(600) } else { head.items };
    Some((block::node(head.kind, head.level, items, &parts).ok()?, head))
}

#[test]
fn blocks_that_lie_end_in_an_error_or_an_answer() {
    let world = World::of(12, 120);
    let mut tail = nothing();
    world.steps.iter().for_each(|step| fold(&mut tail, step));
    let manifest = tail.advance().unwrap();
    let mut rng = Rng::new(9);
    let asked = world.pins.last().unwrap();
    let (mut read, mut refused) = (0, 0);
    let mut count = |is_ok: bool| if is_ok { read += 1 } else { refused += 1 };
    for round in 0..3_000 {
        let blocks: Vec<(Digest, &[u8])> = manifest.store().fresh().collect();
        let (_, bytes) = blocks[rng.index(blocks.len())];
        let parts = u32::from_le_bytes(bytes[12..16].try_into().unwrap());
        let head_bytes = if parts == 0 { bytes.len() as u64 } else { 16 + 36 * u64::from(parts) };
        if round % 4 == 0 {
            let head = spoil(&bytes[..head_bytes as usize], &mut rng);
            count(Head::parse(&head).is_ok());
            count(root::read(&head).is_ok());
            let mut body = Cursor::new(head.get(16..).unwrap_or_default());
            let items = body.left();
            count(Vec::<Pending>::read(&mut body.clone(), items.min(rng.index(40))).is_ok());
            count(Vec::<SchemaEvent>::read(&mut body.clone(), items.min(rng.index(40))).is_ok());
            count(BTreeMap::<String, Produced>::read(&mut body, items.min(rng.index(40))).is_ok());
        }
        let Some((made, head)) = spoiled_block(bytes, head_bytes, &mut rng) else { continue };
        let reference = made.reference;
        let blocks = Blocks::none().with(false, std::iter::empty(), vec![made]);
        match head.kind {
            Kind::Segments => {
                // Sums that a liar above could have written to suit.
                for sums in [manifest.root().segments, Default::default()] {
                    let at = NodeRef { block: reference, level: head.level, batch: 0..world.totals.batches, sums };
                    count(Node::open(&blocks, &at).is_ok());
                }
                let node = blocks.open(reference, Kind::Segments, head.level);
                let Ok(node) = node else { continue };
                for part in 0..node.head.parts() {
                    let Ok(part) = node.part(part) else { continue };
                    let column = Column::read(part, node.head.items);
                    count(column.is_ok());
                    let Ok(column) = column else { continue };
                    let rows = vec![5; node.head.items];
                    let _ = column.whole(&rows).unwrap();
                    let _ = column.seen(asked[0], &rows.clone().into()).unwrap();
                    let _ = column.write().unwrap();
                }
            }
            _ => {
                let top = Some(EventsRef { block: reference, level: head.level });
                let events = Events { blocks: &blocks, top, count: world.steps.len() as u64 };
                count(events.event(rng.below(150)).is_ok());
                count(events.before_batch(rng.below(150)).is_ok());
                count(events.until(world.steps[5].event.ts).is_ok());
            }
        }
    }
    assert!(read > 500 && refused > 500, "{read} were read, {refused} refused: too few to tell anything");
}
