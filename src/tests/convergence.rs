//! The operator is killed at each of its writes in turn, refused and cut off at many, one run each: every run must end in the same
//! state as the run to which nothing happened, do nothing harmful on its way, and write nothing more after it.
//!
//! A run is a whole life of the documented example: cluster, topic, a SCRAM and a mutual-TLS user, from nothing to ready.

use super::simulation::{Fault, Simulation, on_one_thread, stride};

/// A run to its quiet end.
struct Run {
    end_state: String,
    trace: Vec<String>,
    alterations: Vec<String>,
}

async fn run(fault: Option<(usize, Fault)>) -> Result<Run, String> {
    let mut simulation = Simulation::new(fault);
    simulation.create();
    let mut accusations = Vec::from_iter(simulation.settle().await.err());
    let trace = simulation.trace();
    if accusations.is_empty() {
        accusations.extend(simulation.stay_quiet().await.err());
    }
    accusations.extend(simulation.accusations());
    let (repeated, deleted) = simulation.repeated();
    accusations.extend(repeated.iter().map(|what| format!("created again: {what}")));
    // Jobs and documents of access rights go once they're carried out.
    let deleted = deleted
        .iter()
        .filter(|what| !what.contains("/orders-acl-") || what.starts_with("secrets"));
    accusations.extend(deleted.map(|what| format!("deleted: {what}")));
    let upserts = simulation.kafka.state().upserts;
    if upserts != 2 {
        accusations.push(format!("{upserts} credentials were written for one user and the guard"));
    }
    if let Some((number, _)) = fault.filter(|(number, _)| *number > trace.len()) {
        accusations.push(format!("there was no write {number} to strike at"));
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

/// Runs once per write of the reference run, or once per `step` writes.
fn strike(fault: Fault, step: usize) {
    let (runs, failures) = on_one_thread(async {
        let reference = run(None).await.unwrap();
        let mut failures = Vec::new();
        let numbers: Vec<usize> = (1..=reference.trace.len()).step_by(stride(step)).collect();
        for &number in &numbers {
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
        (numbers.len(), failures)
    });
    println!("{fault:?}: {runs} runs, {} failed", failures.len());
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
fn killed_before_a_write() {
    strike(Fault::KillBefore, 3);
}

#[test]
fn killed_after_each_write_without_its_answer() {
    strike(Fault::KillUnanswered, 3);
}

#[test]
fn killed_after_each_write() {
    strike(Fault::KillAfter, 1);
}

#[test]
fn a_write_conflicts_once() {
    strike(Fault::Refuse(409), 6);
}

#[test]
fn a_write_fails_once() {
    strike(Fault::Refuse(500), 6);
}

#[test]
fn a_write_loses_its_answer() {
    strike(Fault::LoseAnswer, 4);
}
