//! The operator is killed, refused and cut off at each of its writes in turn, one run each: every run must end in the same
//! state as the run to which nothing happened, do nothing harmful on its way, and write nothing more after it.
//!
//! A run is a whole life of the documented example: cluster, topic, a SCRAM and a mutual-TLS user, from nothing to ready.

use super::simulation::{Fault, Simulation};

/// A run to its quiet end.
struct Run {
    end_state: String,
    trace: Vec<String>,
    alterations: Vec<String>,
}

async fn run(fault: Option<(usize, Fault)>) -> Result<Run, String> {
    let mut simulation = Simulation::new(fault);
    simulation.create();
    simulation.settle().await?;
    let trace = simulation.trace();
    simulation.stay_quiet().await?;
    let mut accusations = simulation.accusations();
    let (repeated, deleted) = simulation.repeated();
    accusations.extend(repeated.iter().map(|what| format!("created again: {what}")));
    accusations.extend(deleted.iter().map(|what| format!("deleted: {what}")));
    let upserts = simulation.kafka.state().upserts;
    if upserts != 1 {
        accusations.push(format!("{upserts} credentials were written for one user"));
    }
    if !accusations.is_empty() {
        return Err(accusations.join("\n"));
    }
    let alterations = simulation.kafka.state().alterations.clone();
    Ok(Run {
        end_state: simulation.end_state(),
        trace,
        alterations,
    })
}

fn on_one_thread<T>(test: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(test)
}

/// Runs once per write of the reference run.
fn strike_everywhere(fault: Fault) {
    let (runs, failures) = on_one_thread(async {
        let reference = run(None).await.unwrap();
        let mut failures = Vec::new();
        for number in 1..=reference.trace.len() {
            let struck = &reference.trace[number - 1];
            let problem = match run(Some((number, fault))).await {
                Err(problem) => problem,
                Ok(run) if run.end_state != reference.end_state => {
                    Simulation::difference(&reference.end_state, &run.end_state)
                }
                Ok(run) if run.alterations != reference.alterations => format!("alterations: {:?}", run.alterations),
                Ok(_) => continue,
            };
            failures.push(format!("{fault:?} at write {number}, {struck}:\n{problem}"));
        }
        (reference.trace.len(), failures)
    });
    println!("{fault:?}: {runs} runs, one per write, {} failed", failures.len());
    assert!(
        failures.is_empty(),
        "{} of {runs} runs failed\n{}",
        failures.len(),
        failures.join("\n\n")
    );
}

#[test]
fn nothing_strikes() {
    let reference = on_one_thread(run(None)).unwrap();
    println!("undisturbed: {} writes", reference.trace.len());
    assert!(
        reference.trace.len() >= 60,
        "too few writes to be a whole life: {:#?}",
        reference.trace
    );
    assert_eq!(reference.alterations.len(), 1, "{:?}", reference.alterations);
    let again = on_one_thread(run(None)).unwrap();
    assert_eq!(reference.trace, again.trace, "the simulation isn't deterministic");
    assert_eq!(
        reference.end_state,
        again.end_state,
        "{}",
        Simulation::difference(&reference.end_state, &again.end_state)
    );
}

#[test]
fn killed_before_each_write() {
    strike_everywhere(Fault::KillBefore);
}

#[test]
fn killed_after_each_write_without_its_answer() {
    strike_everywhere(Fault::KillUnanswered);
}

#[test]
fn killed_after_each_write() {
    strike_everywhere(Fault::KillAfter);
}

#[test]
fn each_write_conflicts_once() {
    strike_everywhere(Fault::Refuse(409));
}

#[test]
fn each_write_fails_once() {
    strike_everywhere(Fault::Refuse(500));
}

#[test]
fn each_write_loses_its_answer() {
    strike_everywhere(Fault::LoseAnswer);
}
