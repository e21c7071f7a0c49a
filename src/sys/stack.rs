//! What execve leaves on the initial stack: argc, argv, envp, auxv (and the strings), all writable and ours for good.

use super::ZStr;
use core::marker::PhantomData;
use linux_raw_sys::auxvec::{AT_EGID, AT_EUID, AT_GID, AT_SECURE, AT_UID};

/// The initial stack. Copied freely: it is one pointer, to memory that lives as long as the process.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub struct Stack(*mut usize);

/// The ids that the kernel hands over: no system call needed, and read before any user namespace is entered.
#[derive(Clone, Copy, Default)]
pub struct Ids {
    /// The real user id, as seen by the caller.
    pub uid: u32,
    /// The real group id.
    pub gid: u32,
    /// Whether the kernel saw a set-id bit, file capabilities, or ids that differ: AT_SECURE, getauxval(3).
    pub secure: bool,
}

impl Stack {
    /// # Safety
    /// `sp` is the stack pointer at the process's entry, and nothing has changed what it points to.
    pub unsafe fn from_kernel(sp: *mut usize) -> Stack {
        Stack(sp)
    }

    /// How many arguments there are; 0 is possible (execve allows it).
    pub fn len(self) -> usize {
        // SAFETY: the constructor's promise; argc is the first word of execve's layout.
        unsafe { *self.0 }
    }

    /// Whether argv is empty.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The place of argument `i`, or of the null behind the last one.
    fn slot(self, i: usize) -> *mut *mut u8 {
        // SAFETY: behind argc stand as many pointers, and a null.
        unsafe { self.0.add(1 + i.min(self.len())).cast() }
    }

    /// The place of the first variable.
    fn vars(self) -> *mut *mut u8 {
        // SAFETY: behind the null of argv stands the environment, which has a null at least.
        unsafe { self.slot(usize::MAX).add(1) }
    }

    /// Argument `i`.
    pub fn arg(self, i: usize) -> Option<ZStr<'static>> {
        if i < self.len() { self.argv_from(i).first() } else { None }
    }

    /// Replaces argument `i` (which must exist) for an execve to come: `--argv0`.
    pub fn set_arg(self, i: usize, s: ZStr<'static>) {
        if i < self.len() {
            // SAFETY: the slot is ours to write, and `s` lives as long as the process.
            unsafe { *self.slot(i) = s.as_ptr().cast_mut() };
        }
    }

    /// Puts `word`, which begins with `name` and its `=` and has its NUL, in the place of that variable, for an execve to
    /// come: behind that, or when it has failed, nobody may read the environment any more.
    #[cfg(feature = "init")]
    pub fn set_env(self, name: &[u8], word: &[u8]) {
        let mut at = self.vars();
        // SAFETY: the pointers close with a null, behind which nothing is read; they are ours to write.
        unsafe {
            while let Some(old) = ZStr::from_ptr(*at) {
                if old.value_of(name).is_some() && word.contains(&0) {
                    *at = word.as_ptr().cast_mut();
                    break;
                }
                at = at.add(1);
            }
        }
    }

    /// The arguments from `i` on, for execve.
    pub fn argv_from(self, i: usize) -> Strings<'static> {
        Strings(self.slot(i).cast_const().cast(), PhantomData)
    }

    /// The environment, for execve.
    pub fn envp(self) -> Strings<'static> {
        Strings(self.vars().cast_const().cast(), PhantomData)
    }

    /// Environment entry `i`; `None` behind the last.
    pub fn env(self, i: usize) -> Option<ZStr<'static>> {
        // SAFETY: callers count up and stop at the first `None`, so every slot before `i` was a string.
        unsafe { ZStr::from_ptr(*self.vars().add(i)) }
    }

    /// User and group from the auxiliary vector, getauxval(3).
    pub fn ids(self) -> Ids {
        // Those that tell ids, by their type.
        let mut values = [0; AT_SECURE as usize + 1];
        // SAFETY: the auxiliary vector follows the environment's null and ends in AT_NULL (0).
        unsafe {
            let mut p = self.vars();
            while !(*p).is_null() {
                p = p.add(1);
            }
            let mut aux = p.add(1).cast::<[usize; 2]>();
            while let [kind, value] = *aux
                && kind != 0
            {
                if let Some(slot) = values.get_mut(kind) {
                    *slot = value as u32;
                }
                aux = aux.add(1);
            }
        }
        let (uid, euid) = (values[AT_UID as usize], values[AT_EUID as usize]);
        let (gid, egid) = (values[AT_GID as usize], values[AT_EGID as usize]);
        let secure = values[AT_SECURE as usize];
        Ids { uid, gid, secure: secure != 0 || uid != euid || gid != egid }
    }
}

/// A null-terminated array of strings, as execve(2) wants two of.
#[derive(Clone, Copy)]
pub struct Strings<'a>(*const *const u8, PhantomData<&'a [Option<ZStr<'a>>]>);

impl<'a> Strings<'a> {
    /// From a list that closes with `None`, which is the null; any other list is none.
    pub fn of(list: &'a [Option<ZStr<'a>>]) -> Option<Strings<'a>> {
        // An `Option<ZStr>` is one pointer, and null for `None`.
        matches!(list, [.., None]).then(|| Strings(list.as_ptr().cast(), PhantomData))
    }

    /// The first of them.
    pub fn first(self) -> Option<ZStr<'a>> {
        // SAFETY: there is a string, or the null.
        unsafe { ZStr::from_ptr((*self.0).cast_mut()) }
    }

    /// The one of this number; none behind the last, and nobody asks for what is behind that.
    #[cfg(feature = "oci")]
    pub fn nth(self, n: usize) -> Option<ZStr<'a>> {
        let mut rest = self;
        for _ in 0..n {
            rest.first()?;
            // SAFETY: behind a string stands another one, or the null.
            rest.0 = unsafe { rest.0.add(1) };
        }
        rest.first()
    }

    /// Of an environment: the value of the variable that `name`, with its `=`, begins.
    pub fn variable(self, name: &[u8]) -> Option<ZStr<'a>> {
        let mut rest = self;
        loop {
            if let Some(value) = rest.first()?.value_of(name) {
                return Some(value);
            }
            // SAFETY: behind a string stands another one, or the null, where `?` returns.
            rest.0 = unsafe { rest.0.add(1) };
        }
    }

    pub(super) fn as_ptr(self) -> *const *const u8 {
        self.0
    }
}

/// Strings that stand one behind the other in writable memory which lives as long as the process: the arguments as
/// the kernel laid them out, or a file of ours.
#[derive(Clone, Copy)]
pub struct Block {
    start: *mut u8,
    len: usize,
}

impl Block {
    /// # Safety
    /// `len` bytes at `start` are writable, ours alone, never freed, and the last one is NUL.
    pub unsafe fn new(start: *mut u8, len: usize) -> Block {
        Block { start, len }
    }

    /// The strings of `stack`'s argv from number `from` on: the kernel puts them back to back, execve(2).
    pub fn of_argv(stack: Stack, from: usize) -> Block {
        match (stack.arg(from), stack.arg(stack.len().wrapping_sub(1))) {
            (Some(first), Some(last)) => {
                let end = last.as_ptr() as usize + last.bytes_with_nul().len();
                Block { start: first.as_ptr().cast_mut(), len: end.saturating_sub(first.as_ptr() as usize) }
            }
            _ => Block { start: core::ptr::dangling_mut(), len: 0 },
        }
    }

    /// All bytes.
    pub fn bytes(self) -> &'static [u8] {
        // SAFETY: the constructor's promise.
        unsafe { core::slice::from_raw_parts(self.start, self.len) }
    }

    /// Makes `name` and the string right behind it one, `name=value`, by writing over the NUL between them. `None`
    /// when they aren't neighbours in this block.
    pub fn join(self, name: ZStr<'static>, value: ZStr<'static>) -> Option<ZStr<'static>> {
        let nul = name.bytes().len();
        let at = (name.as_ptr() as usize).checked_sub(self.start as usize)?.checked_add(nul)?;
        if at >= self.len || name.as_ptr() as usize + nul + 1 != value.as_ptr() as usize {
            return None;
        }
        // SAFETY: `at` lies inside the block, which is writable and ours; nobody holds a slice of these two words.
        unsafe { *self.start.add(at) = b'=' };
        Some(name)
    }
}

#[cfg(test)]
impl Stack {
    /// The stack of a program that was called with these words and this environment, as root.
    pub fn for_test(args: &[&str], env: &[&str], uid: usize) -> Stack {
        // One block for the arguments, back to back as the kernel lays them out.
        let place = |list: &[&str]| -> Vec<usize> {
            let block: Vec<u8> = list.iter().flat_map(|s| s.bytes().chain([0])).collect();
            let start = Box::leak(block.into_boxed_slice()).as_mut_ptr() as usize;
            let at = list.iter().scan(start, |at, s| Some(std::mem::replace(at, *at + s.len() + 1)));
            at.chain([0]).collect()
        };
        let mut words = vec![args.len()];
        words.extend(place(args));
        words.extend(place(env));
        for (kind, value) in [(AT_UID, uid), (AT_EUID, uid), (AT_GID, uid), (AT_EGID, uid)] {
            words.extend([kind as usize, value]);
        }
        words.extend([0, 0]);
        // SAFETY: the layout of execve(2), leaked.
        unsafe { Stack::from_kernel(Box::leak(words.into_boxed_slice()).as_mut_ptr()) }
    }
}
