//! Durations as the YAML writes them: `24h`, `7d`, `1h30m`.

use std::time::Duration;

/// The units and their milliseconds, longest name first so that `ms` is not read as `m`.
const UNITS: [(&str, u64); 5] = [
    ("ms", 1),
    ("s", 1_000),
    ("m", 60_000),
    ("h", 3_600_000),
    ("d", 86_400_000),
];

/// Kafka keeps times in milliseconds as signed 64-bit numbers.
const MAX_MILLISECONDS: u64 = i64::MAX as u64;

/// Reads a sum of whole numbers with units; the error says what is wrong with the text.
pub(crate) fn parse(text: &str) -> Result<Duration, &'static str> {
    let mut rest = text;
    let mut total: u64 = 0;
    if rest.is_empty() {
        return Err("it is empty");
    }
    while !rest.is_empty() {
        let digits = rest
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(rest.len());
        let (number, after) = rest.split_at(digits);
        if number.is_empty() {
            return Err("a whole number must come before each unit");
        }
        let Some((unit, milliseconds)) = UNITS.iter().find(|(unit, _)| after.starts_with(unit))
        else {
            return Err(if after.is_empty() {
                "it has no unit"
            } else {
                "it has an unknown unit"
            });
        };
        let part = number
            .parse::<u64>()
            .ok()
            .and_then(|number| number.checked_mul(*milliseconds));
        total = part
            .and_then(|part| total.checked_add(part))
            .filter(|total| *total <= MAX_MILLISECONDS)
            .ok_or("it is longer than Kafka can count")?;
        rest = after.get(unit.len()..).unwrap_or_default();
    }
    if total == 0 {
        return Err("it is zero");
    }
    Ok(Duration::from_millis(total))
}

/// A duration as the YAML would write it: whole days from two on, hours and less otherwise.
pub(crate) fn shown(duration: &Duration) -> String {
    const DAY: u128 = 86_400_000;
    let mut rest = duration.as_millis();
    if rest > DAY && rest.is_multiple_of(DAY) {
        return format!("{}d", rest / DAY);
    }
    let mut shown = String::new();
    for (unit, milliseconds) in [("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)] {
        if rest >= milliseconds {
            shown.push_str(&format!("{}{unit}", rest / milliseconds));
            rest %= milliseconds;
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn durations() {
        for (text, seconds) in [
            ("24h", 86_400),
            ("90m", 5_400),
            ("7d", 604_800),
            ("30s", 30),
            ("1h30m", 5_400),
            ("1d12h", 129_600),
            ("2h45m10s", 9_910),
            ("30m1h", 5_400),
            ("0h5s", 5),
            ("007d", 604_800),
        ] {
            assert_eq!(parse(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        assert_eq!(parse("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(parse("1s500ms"), Ok(Duration::from_millis(1_500)));
        assert_eq!(parse("1m5ms"), Ok(Duration::from_millis(60_005)));
    }

    #[test]
    fn broken_durations() {
        for (text, wrong) in [
            ("", "it is empty"),
            ("24", "it has no unit"),
            ("1h30", "it has no unit"),
            ("h", "a whole number must come before each unit"),
            ("-1h", "a whole number must come before each unit"),
            (" 24h", "a whole number must come before each unit"),
            ("24 h", "it has an unknown unit"),
            ("1.5h", "it has an unknown unit"),
            ("24H", "it has an unknown unit"),
            ("2w", "it has an unknown unit"),
            ("24hours", "a whole number must come before each unit"),
            ("0s", "it is zero"),
            ("99999999999999999999d", "it is longer than Kafka can count"),
            ("9223372036854775807s", "it is longer than Kafka can count"),
            (
                "9223372036854775807ms1ms",
                "it is longer than Kafka can count",
            ),
        ] {
            assert_eq!(parse(text), Err(wrong), "{text}");
        }
    }

    #[test]
    fn durations_are_shown_as_people_write_them() {
        for (written, wanted) in [
            ("24h", "24h"),
            ("1d", "24h"),
            ("7d", "7d"),
            ("48h", "2d"),
            ("36h", "36h"),
            ("90m", "1h30m"),
            ("250ms", "250ms"),
            ("1s1ms", "1s1ms"),
        ] {
            let duration = parse(written).unwrap();
            assert_eq!(shown(&duration), wanted, "{written}");
            assert_eq!(parse(&shown(&duration)), Ok(duration), "{written}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_a_duration_or_an_error(text in any::<String>()) {
            let _ = parse(&text);
        }

        #[test]
        fn whole_hours_and_minutes_add_up(hours in 0..100_000u64, minutes in 1..100_000u64) {
            let wanted = Duration::from_secs(hours * 3_600 + minutes * 60);
            prop_assert_eq!(parse(&format!("{hours}h{minutes}m")), Ok(wanted));
        }
    }
}
