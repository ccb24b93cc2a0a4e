//! New shares of the same key (`frost_core::keys::refresh`, its DKG form), for all participants or for those who stay.

use crate::dkg::{false_shares, finished, serialized};
use crate::failure::{Failure, Outcome};
use crate::keys::belongs;
use crate::package::{identifier, read_all, round1, round2, PublicKeys, Share};
use crate::rng::HostRng;
use crate::suite::Suite;
use crate::wire::{Map, Reader, Writer};
use frost_core::keys::dkg::{round1 as first, round2 as second};
use frost_core::keys::refresh::{refresh_dkg_part1, refresh_dkg_part2, refresh_dkg_shares};
use frost_core::keys::{CoefficientCommitment, VerifiableSecretSharingCommitment};
use frost_core::{Group, Identifier};

/// `participants` is how many refresh together, not the highest index: who left may have been in the middle.
pub fn part1<S: Suite>(arguments: &mut Reader) -> Outcome<Writer> {
    let (index, participants, threshold) = (arguments.int()?, arguments.int()?, arguments.int()?);
    arguments.end()?;
    let (secret, package) = refresh_dkg_part1::<S, _>(identifier(index)?, participants, threshold, HostRng)?;
    Ok(Writer::default().item(&secret.serialize()?).item(&package.serialize()?))
}

fn others<S: Suite>(map: &Map, own: &Identifier<S>, participants: u16) -> Outcome<()> {
    let not_own = map.keys().all(|index| identifier::<S>(*index).is_ok_and(|id| id != *own));
    if not_own && map.len() + 1 == usize::from(participants) { Ok(()) } else { Err(Failure::INVALID_INPUT) }
}

pub fn part2<S: Suite>(arguments: &mut Reader) -> Outcome<Writer> {
    let secret = first::SecretPackage::<S>::deserialize(arguments.bytes()?)?;
    let map = arguments.map()?;
    arguments.end()?;
    others(&map, secret.identifier(), *secret.max_signers())?;
    // The commitment to the constant term, zero, is not sent: it has no encoding.
    let len = usize::from(*secret.min_signers()) - 1;
    let packages = read_all(&map, |bytes| round1::<S>(bytes, len), Failure::bad_package)?;
    let (secret, outgoing) = refresh_dkg_part2(secret, &packages)?;
    Ok(Writer::default().item(&secret.serialize()?).owned_map(&serialized(&outgoing)?))
}

pub fn part3<S: Suite>(arguments: &mut Reader) -> Outcome<Writer> {
    let secret = second::SecretPackage::<S>::deserialize(arguments.bytes()?)?;
    let (map1, map2) = (arguments.map()?, arguments.map()?);
    let share = Share::read::<S>(arguments.bytes()?)?;
    let keys = PublicKeys::read::<S>(arguments.bytes()?)?;
    arguments.end()?;
    others(&map1, secret.identifier(), *secret.max_signers())?;
    let own = identifier::<S>(share.index)? == *secret.identifier();
    if !own || !map1.keys().eq(map2.keys()) || !belongs::<S>(&share, &keys)? {
        return Err(Failure::INVALID_INPUT);
    }
    let len = usize::from(*secret.min_signers()) - 1;
    let packages1 = read_all(&map1, |bytes| round1::<S>(bytes, len), Failure::bad_package)?;
    let packages2 = read_all(&map2, round2::<S>, Failure::bad_package)?;
    let (old_keys, old_share) = (keys.whole()?, share.whole()?);
    match refresh_dkg_shares(&secret, &packages1, &packages2, old_keys, old_share) {
        Ok((share, keys)) => finished(share, keys),
        Err(error) => {
            let culprits = false_shares(*secret.identifier(), &packages2, |id| of_zero(packages1[id].commitment()));
            Err(if culprits.is_empty() { error.into() } else { Failure::bad_package(culprits) })
        }
    }
}

fn of_zero<S: Suite>(sent: &VerifiableSecretSharingCommitment<S>) -> VerifiableSecretSharingCommitment<S> {
    let zero = CoefficientCommitment::new(S::Group::identity());
    VerifiableSecretSharingCommitment::new([&[zero], sent.coefficients()].concat())
}
