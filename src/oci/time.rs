//! Points of time as RFC 3339 writes them.

use crate::text::Text;

/// Room for one: `2026-11-30T01:45:36.123456789Z`, and years that are longer.
pub const ROOM: usize = 48;

/// Appends a point of time, in seconds since 1970, with its nanoseconds where they are wanted.
pub(crate) fn write(line: &mut Text<'_>, seconds: i64, nanoseconds: Option<u32>) {
    const DAY: i64 = 86_400;
    let (year, month, day) = civil(seconds.div_euclid(DAY));
    let rest = seconds.rem_euclid(DAY) as u32;
    padded(line, year.unsigned_abs() as u32, 4);
    padded(line.put(b'-'), month, 2);
    padded(line.put(b'-'), day, 2);
    padded(line.put(b'T'), rest / 3600, 2);
    padded(line.put(b':'), rest / 60 % 60, 2);
    padded(line.put(b':'), rest % 60, 2);
    if let Some(nanoseconds) = nanoseconds {
        padded(line.put(b'.'), nanoseconds, 9);
    }
    line.put(b'Z');
}

/// A number of at least so many digits.
fn padded(line: &mut Text<'_>, n: u32, digits: u32) {
    let mut least = 10u32.wrapping_pow(digits.wrapping_sub(1));
    while n < least && least > 1 {
        line.put(b'0');
        least /= 10;
    }
    line.number(n.into());
}

/// Year, month and day of so many days since 1970, in the Gregorian calendar. Years begin in March, so that a leap day is
/// the last one of its year; 400 of them are an era.
fn civil(days: i64) -> (i64, u32, u32) {
    // 1970-01-01 is day 719,468 of those that begin with March of the year 0.
    let days = days.wrapping_add(719_468);
    let (era, day) = (days.div_euclid(146_097), days.rem_euclid(146_097) as u32);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day.wrapping_sub(365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let first = (153 * month + 2) / 5;
    let january = u32::from(month > 9);
    let number = era.wrapping_mul(400).wrapping_add((year + january).into());
    (number, if january == 1 { month.wrapping_sub(9) } else { month + 3 }, day.wrapping_sub(first) + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(seconds: i64, nanoseconds: Option<u32>) -> String {
        let mut room = [0; ROOM];
        let mut text = Text::on(&mut room);
        write(&mut text, seconds, nanoseconds);
        String::from_utf8(text.get().to_vec()).unwrap()
    }

    #[test]
    fn points_of_time_are_written_as_the_rfc_has_them() {
        for (seconds, nanoseconds, want) in [
            (0, None, "1970-01-01T00:00:00Z"),
            (951_782_400, None, "2000-02-29T00:00:00Z"),
            (951_868_799, Some(5), "2000-02-29T23:59:59.000000005Z"),
            (951_868_800, None, "2000-03-01T00:00:00Z"),
            (1_796_003_136, Some(123_456_789), "2026-11-30T01:45:36.123456789Z"),
            (4_102_444_799, None, "2099-12-31T23:59:59Z"),
            (4_107_542_400, None, "2100-03-01T00:00:00Z"),
            (-1, None, "1969-12-31T23:59:59Z"),
            (253_402_300_800, None, "10000-01-01T00:00:00Z"),
        ] {
            assert_eq!(told(seconds, nanoseconds), want);
        }
        assert!(told(i64::MAX, Some(u32::MAX)).len() < ROOM || told(i64::MAX, None).is_empty());
    }

    #[test]
    fn every_day_follows_the_one_before() {
        let (mut year, mut month, mut day) = (1970, 1, 1);
        for n in 0..200_000 {
            assert_eq!(civil(n), (year, month, day));
            let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
            let days = [31, if leap { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
            day += 1;
            if day > days[month as usize - 1] {
                (month, day) = (month + 1, 1);
            }
            if month > 12 {
                (year, month) = (year + 1, 1);
            }
        }
    }
}
