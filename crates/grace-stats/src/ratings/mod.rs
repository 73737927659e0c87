//! Complete tables of ratings: the six intraclass correlations of Shrout and Fleiss.
//!
//! In their words *targets* (rows) are rated by *raters* (columns). For experiments where every
//! trial is asked once in every replication, stimuli are targets and replications are raters; how
//! much replications differ is another question, and answered by [`one_way`](crate::one_way).

mod forms;
mod squares;
mod table;

pub use forms::{FTest, Form, Forms, ShroutFleiss, shrout_fleiss};
pub use table::{Ratings, RatingsError};
