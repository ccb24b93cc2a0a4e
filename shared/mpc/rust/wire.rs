//! Arguments and answers: a list of items, each a u32 length (little endian) and its bytes. An integer is an item of two
//! bytes. A map is an item of entries: u16 index, u32 length, bytes, the indices strictly ascending and not zero.

use crate::failure::{Failure, Outcome};
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

pub type Map<'a> = BTreeMap<u16, &'a [u8]>;

pub struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Reader(bytes)
    }

    fn take(&mut self, len: usize) -> Outcome<&'a [u8]> {
        let (head, tail) = self.0.split_at_checked(len).ok_or(Failure::INVALID_INPUT)?;
        self.0 = tail;
        Ok(head)
    }

    fn short(&mut self) -> Outcome<u16> {
        Ok(u16::from_le_bytes(array(self.take(2)?)?))
    }

    pub fn bytes(&mut self) -> Outcome<&'a [u8]> {
        let len = u32::from_le_bytes(array(self.take(4)?)?);
        self.take(len as usize)
    }

    pub fn int(&mut self) -> Outcome<u16> {
        Ok(u16::from_le_bytes(array(self.bytes()?)?))
    }

    pub fn map(&mut self) -> Outcome<Map<'a>> {
        let mut entries = Reader(self.bytes()?);
        let mut map = Map::new();
        let mut last = 0;
        while !entries.0.is_empty() {
            let index = entries.short()?;
            if index <= last {
                return Err(Failure::INVALID_INPUT);
            }
            map.insert(index, entries.bytes()?);
            last = index;
        }
        Ok(map)
    }

    pub fn end(&self) -> Outcome<()> {
        if self.0.is_empty() { Ok(()) } else { Err(Failure::INVALID_INPUT) }
    }
}

pub fn array<const N: usize>(bytes: &[u8]) -> Outcome<[u8; N]> {
    bytes.try_into().map_err(|_| Failure::INVALID_INPUT)
}

#[derive(Default)]
pub struct Writer(Vec<u8>);

impl Writer {
    pub fn item(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
        self.0.extend_from_slice(bytes);
        self
    }

    pub fn int(self, value: u16) -> Self {
        self.item(&value.to_le_bytes())
    }

    pub fn flag(self, value: bool) -> Self {
        self.int(value.into())
    }

    pub fn map<'b>(self, entries: impl IntoIterator<Item = (u16, &'b [u8])>) -> Self {
        let mut inner = Vec::new();
        for (index, bytes) in entries {
            inner.extend_from_slice(&index.to_le_bytes());
            inner.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
            inner.extend_from_slice(bytes);
        }
        self.item(&inner)
    }

    pub fn owned_map(self, entries: &BTreeMap<u16, Vec<u8>>) -> Self {
        self.map(entries.iter().map(|(index, bytes)| (*index, bytes.as_slice())))
    }
}

pub fn one(bytes: &[u8]) -> Outcome<Writer> {
    Ok(Writer::default().item(bytes))
}

/// Status and payload behind a u32 length, at the address returned.
pub fn answer(outcome: Outcome<Writer>) -> *const u8 {
    let (status, payload) = match outcome {
        Ok(items) => (0, items.0),
        Err(failure) => (failure.code, failure.culprits.iter().flat_map(|index| index.to_le_bytes()).collect()),
    };
    let mut bytes = Vec::with_capacity(payload.len() + 5);
    bytes.extend_from_slice(&(payload.len() as u32 + 1).to_le_bytes());
    bytes.push(status);
    bytes.extend_from_slice(&payload);
    bytes.leak().as_ptr()
}
