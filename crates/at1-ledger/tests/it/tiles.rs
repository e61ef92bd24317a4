//! Tiles: an export at any size is the same tree in other pieces, and what is full stays as it is.

use std::collections::BTreeMap;

use at1_ledger::{Digest, Frontier, TILE_WIDTH, Tile, Tiles, leaf_hash, root};

/// The files of an export, each once.
fn keep(files: &mut BTreeMap<String, Vec<u8>>, tiles: Vec<Tile>) {
    for Tile { path, bytes } in tiles {
        assert!(files.insert(path.clone(), bytes).is_none(), "{path} twice");
    }
}

/// The bytes of a level from its first tile on, as a client finds them: full tiles, then a partial one.
fn level(files: &BTreeMap<String, Vec<u8>>, name: &str, width: u64) -> Vec<u8> {
    let mut bytes = vec![];
    for tile in 0..width.div_ceil(TILE_WIDTH as u64) {
        let group = |n: u64| format!("{n:03}");
        let path = if tile < 1000 { group(tile) } else { format!("x{}/{}", group(tile / 1000), group(tile % 1000)) };
        let rest = width - tile * TILE_WIDTH as u64;
        let partial = if rest < TILE_WIDTH as u64 { format!(".p/{rest}") } else { String::new() };
        bytes.extend_from_slice(&files[&format!("tile/{name}/{path}{partial}")]);
    }
    bytes
}

fn event(n: u64) -> Vec<u8> {
    vec![n as u8; (n % 40) as usize]
}

/// Read back from its files alone: every event, every level, the root.
#[track_caller]
fn check(full: &BTreeMap<String, Vec<u8>>, partial: Vec<Tile>, size: u64, expected: Digest) {
    let (mut files, mut count) = (full.clone(), 0);
    keep(&mut files, partial);
    let mut entries = &level(&files, "entries", size)[..];
    while let Some((length, rest)) = entries.split_first_chunk() {
        let (entry, rest) = rest.split_at(u16::from_be_bytes(*length).into());
        assert_eq!(entry, event(count));
        (entries, count) = (rest, count + 1);
    }
    assert_eq!(count, size);

    let hashes =
        |bytes: Vec<u8>| bytes.chunks_exact(32).map(|hash| Digest(hash.try_into().unwrap())).collect::<Vec<_>>();
    let leaves: Vec<Digest> = (0..size).map(|n| leaf_hash(&event(n))).collect();
    assert_eq!(root(&leaves), expected, "{size}");
    let (mut below, mut depth, mut read) = (leaves, 0, 1 + size.div_ceil(256));
    while !below.is_empty() {
        let here = hashes(level(&files, &depth.to_string(), below.len() as u64));
        assert_eq!(here, below, "level {depth} of {size}");
        read += below.len().div_ceil(TILE_WIDTH) as u64;
        below = below.chunks_exact(TILE_WIDTH).map(root).collect();
        depth += 1;
    }
    assert_eq!(files.len() as u64 + 1, read, "no other files");
}

#[test]
fn exports_of_all_kinds_of_sizes() {
    let (mut tiles, mut tree, mut full) = (Tiles::default(), Frontier::new(), BTreeMap::new());
    let last: u64 = 256 * 256 + 256 + 1;
    for size in 0..=last {
        let around = [0_u64, 256, 512, 2560, 256 * 256, 256 * 256 + 256].iter().any(|edge| size.abs_diff(*edge) <= 1);
        if around || size == 1000 {
            check(&full, tiles.finish(), size, tree.root());
            // To look at it changes nothing.
            assert_eq!(tiles.finish(), tiles.clone().finish());
        }
        tree.push(&event(size));
        keep(&mut full, tiles.push(&event(size)));
    }
}
