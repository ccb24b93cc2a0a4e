//! A bump allocator. The host wipes the whole memory after each call, so freeing would only cost time.

use core::alloc::{GlobalAlloc, Layout};

pub fn take(len: usize) -> *mut u8 {
    match Layout::from_size_align(len.max(1), 8) {
        Ok(layout) => {
            let at = unsafe { alloc::alloc::alloc(layout) };
            if at.is_null() { alloc::alloc::handle_alloc_error(layout) } else { at }
        }
        Err(_) => panic!(),
    }
}

#[cfg(target_arch = "wasm32")]
mod bump {
    use super::{GlobalAlloc, Layout};
    use core::arch::wasm32::{memory_grow, memory_size};
    use core::cell::UnsafeCell;

    const PAGE: usize = 65536;

    /// The next free address; 0 before the first call, and again after the host's wipe.
    pub struct Bump(UnsafeCell<usize>);

    // One thread: the module is built without atomics or shared memory.
    unsafe impl Sync for Bump {}

    extern "C" {
        static __heap_base: u8;
    }

    unsafe impl GlobalAlloc for Bump {
        unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
            let next = match *self.0.get() {
                0 => core::ptr::addr_of!(__heap_base) as usize,
                next => next,
            };
            let start = (next + layout.align() - 1) & !(layout.align() - 1);
            let Some(end) = start.checked_add(layout.size()) else { return core::ptr::null_mut() };
            let have = memory_size(0) * PAGE;
            // Fails at the linker's --max-memory; a null here ends in a trap.
            if end > have && memory_grow(0, (end - have).div_ceil(PAGE)) == usize::MAX {
                return core::ptr::null_mut();
            }
            *self.0.get() = end;
            start as *mut u8
        }

        unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
            // The last block goes back; that keeps growing vectors cheap.
            if *self.0.get() == at as usize + layout.size() {
                *self.0.get() = at as usize;
            }
        }
    }

    #[global_allocator]
    static HEAP: Bump = Bump(UnsafeCell::new(0));
}
