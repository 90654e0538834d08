//! Comparing counts with a baseline.

use super::*;

fn compiler(release: &str, host: &str) -> Compiler {
    Compiler {
        release: release.to_owned(),
        host: host.to_owned(),
    }
}

fn counts(publish: u64, subscribe: u64) -> Counts {
    [("publish", publish), ("subscribe", subscribe)]
        .map(|(name, count)| (name.to_owned(), count))
        .into()
}

fn baseline() -> Baseline {
    Baseline {
        compiler: compiler("1.95.0", "x86_64"),
        counts: counts(1_000, 2_000),
    }
}

#[test]
fn a_baseline_reads_what_it_writes() {
    let text = baseline().to_string();
    assert_eq!(Baseline::parse(&text), Some(baseline()));
    for (from, to) in [("release", "r"), ("[instructions]", ""), ("1000", "-1")] {
        assert_eq!(Baseline::parse(&text.replace(from, to)), None, "{from}");
    }
}

#[test]
fn more_instructions_than_allowed_fail() {
    let check = |release: &str, host: &str, publish: u64, fails: bool| {
        let found = (&compiler(release, host), &counts(publish, 2_000));
        let outcome = check(&baseline(), found.0, found.1, Path::new("/p"));
        assert_eq!(outcome.is_err(), fails, "{release} {host} {publish}");
        if let Err(error) = outcome {
            let told = error.to_string();
            for part in [": publish\n", "/p/publish.callgrind", "--accept"] {
                assert!(told.contains(part), "{told}");
            }
        }
    };
    check("1.95.0", "x86_64", 1_000, false);
    check("1.95.0", "x86_64", 1_050, false);
    check("1.95.0", "x86_64", 1_051, true);
    check("1.95.0", "x86_64", 500, false);
    check("1.96.0", "x86_64", 1_250, false);
    check("1.96.0", "x86_64", 1_251, true);
    check("1.95.0", "aarch64", 9_000, false);
}

#[test]
fn a_gain_is_to_be_kept() {
    let (ours, other) = (compiler("1.95.0", "x86_64"), compiler("1.96.0", "x86_64"));
    assert_eq!(baseline().verdict(&ours, -5.1), Verdict::Fewer);
    assert_eq!(baseline().verdict(&ours, -4.9), Verdict::Fine);
    assert_eq!(baseline().verdict(&other, -5.1), Verdict::Fine);
}

#[test]
fn a_scenario_without_baseline_fails() {
    let mut baseline = baseline();
    baseline.counts.remove("subscribe");
    let ours = compiler("1.95.0", "x86_64");
    let error = check(&baseline, &ours, &counts(1, 1), Path::new("/p")).unwrap_err();
    assert!(error.to_string().contains("`subscribe`"), "{error}");
}

#[test]
fn another_compiler_is_noted() {
    let note = |release: &str, host: &str| baseline().note(&compiler(release, host));
    assert_eq!(note("1.95.0", "x86_64"), None);
    assert!(note("1.96.0", "x86_64").unwrap().contains("25 %"));
    assert!(note("1.95.0", "aarch64").unwrap().contains("nothing"));
}

#[test]
fn reads_the_total_of_a_profile() {
    let profile = "events: Ir\nsummary: 41\n\nfn=(1) main\n1 2\n\ntotals: 42\n";
    assert_eq!(total(profile), Some(42));
    assert_eq!(total("summary: 41\n"), None);
}
