//! Giving a participant its lost share back (`frost_core::keys::repairable`, ePrint 2017/1155).

use crate::failure::{index_of, Failure, Outcome};
use crate::keys::{belongs, identifiers};
use crate::package::{identifier, read_all, PublicKeys, Share};
use crate::rng::HostRng;
use crate::suite::Suite;
use crate::wire::{one, Reader, Writer};
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use frost_core::keys::repairable::{repair_share_part1, repair_share_part2, repair_share_part3, Delta, Sigma};

/// Helpers are a map of empty values: their indices, ascending.
pub fn part1<S: Suite>(arguments: &mut Reader) -> Outcome<Writer> {
    let share = Share::read::<S>(arguments.bytes()?)?;
    let (helpers, lost) = (arguments.map()?, arguments.int()?);
    arguments.end()?;
    if helpers.contains_key(&lost) {
        return Err(Failure::INVALID_INPUT);
    }
    let helpers = identifiers::<S>(helpers.keys().copied())?;
    let deltas = repair_share_part1(&helpers, &share.whole()?, &mut HostRng, identifier(lost)?)?;
    let entries = deltas.iter().map(|(id, delta)| Ok((index_of(id).ok_or(Failure::INVALID_INPUT)?, delta.serialize())));
    Ok(Writer::default().owned_map(&entries.collect::<Outcome<BTreeMap<_, _>>>()?))
}

pub fn part2<S: Suite>(arguments: &mut Reader) -> Outcome<Writer> {
    let deltas = arguments.map()?;
    arguments.end()?;
    let deltas = read_all::<S, _>(&deltas, |bytes| Ok(Delta::<S>::deserialize(bytes)?), Failure::bad_package)?;
    one(&repair_share_part2(&deltas.into_values().collect::<Vec<_>>()).serialize())
}

pub fn part3<S: Suite>(arguments: &mut Reader) -> Outcome<Writer> {
    let (index, sigmas) = (arguments.int()?, arguments.map()?);
    let keys = PublicKeys::read::<S>(arguments.bytes()?)?;
    arguments.end()?;
    if sigmas.len() < usize::from(keys.threshold) {
        return Err(Failure::INVALID_INPUT);
    }
    let sigmas = read_all::<S, _>(&sigmas, |bytes| Ok(Sigma::<S>::deserialize(bytes)?), Failure::bad_package)?;
    let sigmas = sigmas.into_values().collect::<Vec<_>>();
    let share = repair_share_part3(&sigmas, identifier(index)?, &keys.whole()?)?.serialize()?;
    // The crate does not check; a helper that lies cannot be told from the others.
    if belongs::<S>(&Share::read::<S>(&share)?, &keys)? { one(&share) } else { Err(Failure::bad_package(Vec::new())) }
}
