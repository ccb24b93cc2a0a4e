//! Points and scalars as BIP-327 writes them, read strictly: `secp` would also take SEC1's other forms.

use crate::failure::{Failure, Outcome};
use crate::wire::Map;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use secp::{MaybePoint, MaybeScalar, Point, Scalar};

pub const POINT: usize = 33;

/// cpoint.
pub fn point(bytes: &[u8]) -> Outcome<Point> {
    match bytes {
        [2 | 3, x @ ..] if x.len() == 32 => Point::from_slice(bytes).map_err(|_| Failure::INVALID_INPUT),
        _ => Err(Failure::INVALID_INPUT),
    }
}

/// cpoint_ext: 33 zeros are the point at infinity.
pub fn maybe_point(bytes: &[u8]) -> Outcome<MaybePoint> {
    if bytes == [0; POINT] { Ok(MaybePoint::Infinity) } else { Ok(point(bytes)?.into()) }
}

/// lift_x.
pub fn lift_x(x: &[u8]) -> Outcome<Point> {
    point(&[&[2], x].concat())
}

/// 32 bytes, big endian, from 1 to n−1.
pub fn secret(bytes: &[u8]) -> Outcome<Scalar> {
    Scalar::from_slice(bytes).map_err(|_| Failure::INVALID_INPUT)
}

/// 32 bytes, big endian, from 0 to n−1.
pub fn scalar(bytes: &[u8]) -> Outcome<MaybeScalar> {
    if bytes.len() != 32 {
        return Err(Failure::INVALID_INPUT);
    }
    MaybeScalar::from_slice(bytes).map_err(|_| Failure::INVALID_INPUT)
}

/// Reads every entry, or names all participants whose entry cannot be read.
pub fn all<T>(map: &Map, read: impl Fn(&[u8]) -> Outcome<T>) -> Outcome<BTreeMap<u16, T>> {
    let (mut all, mut culprits) = (BTreeMap::new(), Vec::new());
    for (index, bytes) in map {
        match read(bytes) {
            Ok(value) => drop(all.insert(*index, value)),
            Err(_) => culprits.push(*index),
        }
    }
    if culprits.is_empty() { Ok(all) } else { Err(Failure::bad_package(culprits)) }
}
