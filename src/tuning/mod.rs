//! Tuning profiles: which settings brokers and applications get from one word and the size of a broker, each with its reason.
//! Only what differs from Kafka's own default is set, but for `Reference`, which is a published checklist to the letter.
//! Pure. It must not know how a setting reaches a broker: most are taken over while it runs, `model::dynamic_keys` says which.

mod brokers;
mod clients;

pub use brokers::{Machine, brokers, reason};
pub use clients::{ClientSetting, clients};
