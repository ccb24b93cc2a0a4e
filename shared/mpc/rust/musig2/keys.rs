//! KeyAgg and ApplyTweak, and the Taproot tweak of BIP-341.

use super::read;
use crate::failure::{Failure, Outcome};
use crate::wire::{array, one, Map, Reader, Writer};
use ::musig2::KeyAggContext;
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::cell::Cell;
use secp::Point;

/// BIP-327 has no bound. A hundred keys take some 20 ms.
const MOST_KEYS: usize = 100;

thread_local! {
    /// The keys of the calls that follow `prepare`, in the memory that the host puts back before each of them.
    static PREPARED: Cell<Option<&'static Keys>> = const { Cell::new(None) };
}

#[derive(Clone)]
pub struct Keys {
    pub pubkeys: BTreeMap<u16, Point>,
    /// Of all of them, in their order, with all tweaks applied.
    pub context: KeyAggContext,
}

impl Keys {
    /// Three items: the keys by participant, or none for those that are prepared; a flag, whether KeySort orders them or
    /// their indices do; the tweaks in order.
    pub fn read(arguments: &mut Reader) -> Outcome<Self> {
        let (map, sorted, tweaks) = (arguments.map()?, arguments.int()?, arguments.map()?);
        let keys = match PREPARED.get() {
            Some(keys) if map.is_empty() => keys.clone(),
            _ => Self::aggregated(&map, sorted)?,
        };
        Ok(Keys { context: tweaked(keys.context, &tweaks)?, ..keys })
    }

    fn aggregated(map: &Map, sorted: u16) -> Outcome<Self> {
        if map.is_empty() || map.len() > MOST_KEYS || sorted > 1 {
            return Err(Failure::INVALID_INPUT);
        }
        let pubkeys = read::all(map, read::point)?;
        let mut list: Vec<Point> = pubkeys.values().copied().collect();
        if sorted == 1 {
            list.sort();
        }
        let context = KeyAggContext::new(list).map_err(|_| Failure::INVALID_INPUT)?;
        Ok(Keys { pubkeys, context })
    }

    /// The aggregate public key, tweaked.
    pub fn aggregate(&self) -> Point {
        self.context.aggregated_pubkey()
    }

    /// Is there just one entry for each key?
    pub fn all_of(&self, map: &Map) -> Outcome<()> {
        if map.keys().eq(self.pubkeys.keys()) { Ok(()) } else { Err(Failure::INVALID_INPUT) }
    }
}

/// A tweak is a byte and 32 bytes: 0 plain, 1 x-only. Or 2, Taproot's, with nothing or the Merkle root (32 bytes) behind it.
fn tweaked(context: KeyAggContext, tweaks: &Map) -> Outcome<KeyAggContext> {
    tweaks.values().try_fold(context, |context, tweak| {
        let tweaked = match tweak {
            [2] => context.with_unspendable_taproot_tweak(),
            [2, root @ ..] => context.with_taproot_tweak(&array(root)?),
            [kind @ (0 | 1), tweak @ ..] => context.with_tweak(read::scalar(tweak)?, *kind == 1),
            _ => return Err(Failure::INVALID_INPUT),
        };
        tweaked.map_err(|_| Failure::INVALID_INPUT)
    })
}

/// The first two items of `Keys`. Calls that name no keys find these, as long as the host puts this call's memory back.
pub fn prepare(arguments: &mut Reader) -> Outcome<Writer> {
    let keys = Keys::aggregated(&arguments.map()?, arguments.int()?)?;
    arguments.end()?;
    PREPARED.set(Some(Box::leak(Box::new(keys))));
    Ok(Writer::default())
}

/// GetPlainPubkey of the key aggregation context.
pub fn key_agg(arguments: &mut Reader) -> Outcome<Writer> {
    let keys = Keys::read(arguments)?;
    arguments.end()?;
    one(&keys.aggregate().serialize())
}
