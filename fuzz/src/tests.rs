//! The laws, tried on the seeds.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::{
    cookie_header, engine, envelope_reader, id_to_path, json_inflate, options, pickle_reader, sealed_value,
    signed_value, store_model, stored_record,
};

/// At how many places a seed is cut and changed. All of them would take minutes without optimisation.
const PLACES: usize = 24;

type Law = fn(&[u8]);

const TARGETS: [(&str, Law); 11] = [
    ("cookie_header", cookie_header::hold),
    ("engine", engine::hold),
    ("envelope_reader", envelope_reader::hold),
    ("id_to_path", id_to_path::hold),
    ("json_inflate", json_inflate::hold),
    ("options", options::hold),
    ("pickle_reader", pickle_reader::hold),
    ("sealed_value", sealed_value::hold),
    ("signed_value", signed_value::hold),
    ("store_model", store_model::hold),
    ("stored_record", stored_record::hold),
];

fn entries(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut paths: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

fn seeds(target: &str) -> Vec<Vec<u8>> {
    entries(&format!("seeds/{target}")).iter().map(|path| fs::read(path).unwrap()).collect()
}

fn try_seeds(target: &str) {
    let (_, hold) = TARGETS.into_iter().find(|(name, _)| *name == target).unwrap();
    hold(b"");
    for seed in seeds(target) {
        hold(&seed);
        for place in (0..seed.len()).step_by(seed.len() / PLACES + 1) {
            let (before, after) = seed.split_at(place);
            hold(before);
            hold(after);
            let mut changed = seed.clone();
            changed.iter_mut().skip(place).take(1).for_each(|byte| *byte ^= 1 << (place % 8));
            hold(&changed);
        }
    }
}

#[test]
fn the_laws_of_cookie_headers_hold_for_the_seeds_cut_and_changed() {
    try_seeds("cookie_header");
}

#[test]
fn the_laws_of_the_engine_hold_for_the_seeds_cut_and_changed() {
    try_seeds("engine");
}

#[test]
fn the_laws_of_envelopes_hold_for_the_seeds_cut_and_changed() {
    try_seeds("envelope_reader");
}

#[test]
fn the_laws_of_paths_hold_for_the_seeds_cut_and_changed() {
    try_seeds("id_to_path");
}

#[test]
fn the_laws_of_options_hold_for_the_seeds_cut_and_changed() {
    try_seeds("options");
}

#[test]
fn the_laws_of_pickles_hold_for_the_seeds_cut_and_changed() {
    try_seeds("pickle_reader");
}

#[test]
fn the_laws_of_stores_hold_for_the_seeds_cut_and_changed() {
    try_seeds("store_model");
}

#[test]
fn the_laws_of_json_hold_for_the_seeds_cut_and_changed() {
    try_seeds("json_inflate");
}

#[test]
fn the_laws_of_sealed_values_hold_for_the_seeds_cut_and_changed() {
    try_seeds("sealed_value");
}

#[test]
fn the_laws_of_signed_values_hold_for_the_seeds_cut_and_changed() {
    try_seeds("signed_value");
}

#[test]
fn the_laws_of_stored_records_hold_for_the_seeds_cut_and_changed() {
    try_seeds("stored_record");
}

#[test]
fn every_target_has_a_program_and_seeds_and_there_are_no_others() {
    let targets: BTreeSet<String> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    for folder in ["fuzz_targets", "seeds"] {
        let found = entries(folder);
        let stems = found.iter().map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned());
        assert_eq!(stems.collect::<BTreeSet<_>>(), targets, "{folder}");
    }
    assert!(targets.iter().all(|target| !seeds(target).is_empty()));
}
