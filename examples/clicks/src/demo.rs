//! Generated traffic, and the totals as a live table in the terminal.

use std::fmt::Write as _;
use std::io::{IsTerminal, Write as _};
use std::time::{Duration, Instant};

use crate::definitions::math::{UserIdClickSource, UserIdTotalClicksView};
use crate::definitions::models::Click;

const USERS: &[&str] = &[
    "ada",
    "alan",
    "barbara",
    "edsger",
    "grace",
    "katherine",
    "ken",
    "margaret",
    "radia",
    "tim",
];
const PAGES: &[&str] = &["/", "/docs", "/pricing", "/blog", "/about"];

/// Clicks are emitted this often, a few at a time.
const TICK: Duration = Duration::from_millis(50);
/// How often the totals are shown in place, and where they are appended, a line at a time.
const REDRAW: Duration = Duration::from_millis(500);
const APPEND: Duration = Duration::from_secs(2);

/// Emits clicks and shows the totals until the process ends.
///
/// # Errors
///
/// When a click is not delivered or the view fails.
pub async fn run(clicks: UserIdClickSource, totals: UserIdTotalClicksView) -> kafmesh::Result<()> {
    totals.ready().await?;
    let began = Instant::now();
    let mut screen = Screen::new();
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let mut emitted = 0_u64;
    let mut drawn = None::<Instant>;
    let mut tick = tokio::time::interval(TICK);
    loop {
        tick.tick().await;
        let batch: Vec<_> = (0..1 + random.below(8))
            .map(|_| {
                // The square makes some users click more than others.
                let user = random.below(USERS.len()) * random.below(USERS.len()) / USERS.len();
                (
                    USERS[user],
                    Click {
                        page: PAGES[random.below(PAGES.len())].to_owned(),
                    },
                )
            })
            .collect();
        emitted += batch.len() as u64;
        clicks.emit_all(batch).await?;
        if drawn.is_none_or(|drawn| drawn.elapsed() >= screen.interval()) {
            drawn = Some(Instant::now());
            let rows = totals
                .iter()?
                .map(|entry| entry.map(|(user, total)| (user, total.count)))
                .collect::<kafmesh::Result<_>>()?;
            screen.draw(rows, emitted, began.elapsed());
        }
    }
}

/// Redraws in place on a terminal, and appends a line at a time elsewhere.
struct Screen {
    terminal: bool,
    lines: usize,
}

impl Screen {
    fn new() -> Self {
        Self {
            terminal: std::io::stdout().is_terminal(),
            lines: 0,
        }
    }

    fn interval(&self) -> Duration {
        if self.terminal { REDRAW } else { APPEND }
    }

    fn draw(&mut self, mut rows: Vec<(String, u64)>, emitted: u64, since: Duration) {
        rows.sort_by(|(a, x), (b, y)| y.cmp(x).then_with(|| a.cmp(b)));
        let counted: u64 = rows.iter().map(|(_, count)| count).sum();
        let mut text = String::new();
        if self.terminal {
            if self.lines > 0 {
                // Up to the first line of the last drawing, and clear from there.
                let _ = write!(text, "\x1b[{}A\x1b[J", self.lines);
            }
            let most = rows.first().map_or(1, |(_, count)| (*count).max(1));
            let _ = writeln!(text, "Total clicks per user (Ctrl-C ends)\n");
            for (user, count) in &rows {
                let bar = "█".repeat(((count * 40).div_ceil(most)) as usize);
                let _ = writeln!(text, "  {user:<10} {count:>7}  {bar}");
            }
            let _ = writeln!(
                text,
                "\n  {emitted} clicks emitted in {}s, {counted} counted",
                since.as_secs()
            );
            self.lines = text.lines().count();
        } else {
            let totals: Vec<_> = rows
                .iter()
                .map(|(user, count)| format!("{user} {count}"))
                .collect();
            let _ = writeln!(
                text,
                "{emitted} clicks emitted, {counted} counted: {}",
                totals.join(", ")
            );
        }
        // Nobody reading is no reason to stop counting.
        let _ = std::io::stdout().write_all(text.as_bytes());
    }
}

/// A small generator of numbers that look random (xorshift64*); a demo needs no better one.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % limit
    }
}
