//! What stands in the values of the limits. Pure.

use crate::sys::MAX_CPUS;
use crate::text::{decimal, fields};

/// A list of CPUs, as cpuset(7) has it: numbers and ranges with commas between them. Calls `each` for every one.
#[inline(never)]
pub fn cpus(list: &[u8], each: &mut dyn FnMut(usize)) -> Option<()> {
    for range in fields(list, b',') {
        let mut ends = fields(range, b'-').map(|n| decimal(n).filter(|n| *n < MAX_CPUS as u64));
        let first = ends.next()??;
        let last = ends.next().unwrap_or(Some(first))?;
        if first > last || ends.next().is_some() {
            return None;
        }
        (first as usize..=last as usize).for_each(&mut *each);
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_cpus_are_numbers_and_ranges_and_nothing_else() {
        let read = |text: &str| {
            let mut list = Vec::new();
            cpus(text.as_bytes(), &mut |cpu| list.push(cpu)).map(|()| list)
        };
        assert_eq!(read("0-3,7"), Some(vec![0, 1, 2, 3, 7]));
        assert_eq!(read("7,0-1,1"), Some(vec![7, 0, 1, 1]));
        assert_eq!(read("8191"), Some(vec![8191]));
        assert_eq!(read("0-8191").map(|list| list.len()), Some(8192));
        for bad in [
            "",
            ",",
            "0,",
            ",0",
            "0,,1",
            "3-0",
            "-",
            "0-",
            "-3",
            "0-1-2",
            " 0",
            "0 ",
            "0, 1",
            "0 -1",
            "a",
            "0x1",
            "+1",
            "8192",
            "0-8192",
            "4294967296",
            "18446744073709551616",
            "0-3:2",
            "all",
        ] {
            assert_eq!(read(bad), None, "{bad:?}");
        }
    }
}
