//! Carries steps on clusters out: with the catalog's actions from here, or through the executor of the cluster.

use std::cell::RefCell;
use std::path::PathBuf;

use enact_core::canonical::Digest;
use enact_engine::policy::input::ActionInput;
use enact_engine::stop::{StopSignal, Urgency};
use enact_kube::catalog::{Basis, Done, Shows, Target};
use enact_kube::outside::{
    Call, Doing as How, Ended, Entrusted, Entrusting, Getting, Got, Held, Outside, Who,
};
use enact_runbook::cluster::{Aim, Answering, Became, Cluster, ClusterSite, Doing, Planned, Step};
use enact_runbook::provider::{End, Reply};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::connecting::Connections;
use super::folder::{self, Begun};
use crate::commands::Context;
use crate::config::Settings;
use crate::policy::{Policies, PolicyFlags};

/// The longest answer to a look, in bytes.
const MOST_SEEN: usize = 8 * 1024 * 1024;

/// The hands of one command.
pub(super) struct Hands {
    connections: Connections,
    principal: String,
    settings: Settings,
    flags: PolicyFlags,
    /// What judges an action right before it is done; loaded when the first one comes.
    policies: RefCell<Option<Policies>>,
}

impl Hands {
    pub(super) fn new(context: &Context, flags: &PolicyFlags) -> Self {
        Self {
            connections: Connections::default(),
            principal: context.settings.principal().id,
            settings: context.settings.clone(),
            flags: flags.clone(),
            policies: RefCell::new(None),
        }
    }

    fn who(&self, site: ClusterSite<'_>) -> Who {
        Who {
            on_behalf_of: format!("runbook/{}/{}", site.step, site.run),
            step: site.step.to_owned(),
            principal: self.principal.clone(),
        }
    }

    /// Asks the policies once more, about the target as it is now.
    fn judge(&self, input: &ActionInput) -> Result<(), String> {
        let mut policies = self.policies.borrow_mut();
        if policies.is_none() {
            let in_force = Policies::in_force(&self.settings, &self.flags);
            *policies = Some(in_force.map_err(|error| error.chain.join(": "))?);
        }
        match policies.as_mut() {
            Some(policies) => policies.judge_action(input),
            None => Err("no policies could be loaded".to_owned()),
        }
    }

    async fn differs_now(&self, step: Step<'_>, exactly: bool) -> Result<Option<(String, String)>, String> {
        let planned = step.planned;
        let connected = self.connections.of(planned.cluster.context.as_deref()).await?;
        if connected.name.server != planned.cluster.server {
            let found = format!("context leads to the cluster at {}", connected.name.server);
            return Ok(Some((
                format!("the cluster at {}", planned.cluster.server),
                found,
            )));
        }
        let basis = basis(planned);
        let held = if exactly {
            Held::Exactly(&basis)
        } else {
            Held::Uid(&planned.uid)
        };
        connected.outside.differs(&call(step.doing), held).await
    }

    async fn carry_out(&self, step: Step<'_>, site: ClusterSite<'_>) -> Reply {
        let connected = match self.connections.planned(&step.planned.cluster).await {
            Ok(connected) => connected,
            Err(why) => return not_started(why),
        };
        let call = match as_told(step, site) {
            Ok(call) => call,
            Err(reply) => return *reply,
        };
        match step.executor {
            Some(namespace) if !site.rehearse => {
                self.entrust(&connected.outside, namespace, call, step, site)
                    .await
            }
            _ => self.act_on(&connected.outside, call, step, site).await,
        }
    }

    /// Does it from here: looks, asks the policies, writes down what it begins, and acts.
    async fn act_on(&self, outside: &Outside, call: Call, step: Step<'_>, site: ClusterSite<'_>) -> Reply {
        let who = self.who(site);
        let prepared = match outside.prepare(&call, Held::Uid(&step.planned.uid), &who).await {
            Ok(prepared) => prepared,
            Err(why) => return not_started(why),
        };
        let input = ActionInput {
            dry_run: site.rehearse,
            ..prepared.input.clone()
        };
        if let Err(why) = self.judge(&input) {
            return not_started(why);
        }
        let begun = Begun {
            call,
            basis: prepared.basis.clone(),
            now: prepared.now.clone(),
        };
        if !site.rehearse
            && let Err(why) = folder::begin(site.folder, &begun)
        {
            return not_started(why);
        }
        let stop = CancellationToken::new();
        let keep: Option<PathBuf> = (!site.rehearse).then(|| site.folder.to_path_buf());
        let acting = prepared.act(How {
            limit: site.timeout,
            dry_run: site.rehearse,
            stop: stop.clone(),
            back: Box::new(move |back| {
                if let Some(folder) = &keep {
                    folder::tell_back(folder, back);
                }
            }),
        });
        reply(with_stop(acting, site.stop, &stop).await)
    }

    /// Has the executor of the cluster do it.
    async fn entrust(
        &self,
        outside: &Outside,
        namespace: &str,
        call: Call,
        step: Step<'_>,
        site: ClusterSite<'_>,
    ) -> Reply {
        let begun = Begun {
            call: call.clone(),
            basis: basis(step.planned),
            now: String::new(),
        };
        if let Err(why) = folder::begin(site.folder, &begun) {
            return not_started(why);
        }
        let entrusting = Entrusting {
            namespace: namespace.to_owned(),
            name: execution_name(site),
            call,
            run: site.run.to_owned(),
            step: site.step.to_owned(),
            made: folder::was_made(site.folder),
            limit: site.timeout,
        };
        let stop = CancellationToken::new();
        let keep = site.folder.to_path_buf();
        let made = move || folder::tell_made(&keep);
        let entrusted = outside.entrust(&entrusting, &stop, &made);
        match with_stop(entrusted, site.stop, &stop).await {
            Entrusted::Completed(message, back) => {
                if let Some(back) = *back {
                    folder::tell_back(site.folder, &back);
                }
                finished(
                    &message,
                    &json!({ "message": message, "execution": entrusting.name }),
                )
            }
            Entrusted::Failed(why) => Reply::bare(End::Unmet(why)),
            Entrusted::Lost(why) => Reply::bare(End::Lost(why)),
            Entrusted::Stopped => Reply::bare(End::Stopped),
        }
    }

    /// What became of a step: what the target shows, as the executor asks it of a Job that is gone.
    async fn look_what_became(&self, step: Step<'_>, site: ClusterSite<'_>) -> Became {
        let Some(begun) = folder::begun(site.folder) else {
            return Became::NotBegun;
        };
        let connected = match self.connections.planned(&step.planned.cluster).await {
            Ok(connected) => connected,
            Err(why) => return Became::Unknown(why),
        };
        if let Some(namespace) = step.executor {
            return became_of_execution(&connected.outside, namespace, site).await;
        }
        let shows = connected
            .outside
            .shows(&begun.call, &begun.basis, &self.who(site), &begun.now)
            .await;
        match shows {
            Ok(Shows::Yes) => Became::Done(format!("the target shows that {} was done", begun.call.action)),
            Ok(Shows::No) => {
                Became::NotShown(format!("{} does not show that it was done", begun.call.target))
            }
            Ok(Shows::Nothing) => {
                Became::NotShown(format!("{} does not show whether it was done", begun.call.target))
            }
            Err(why) => Became::Unknown(why),
        }
    }

    async fn read(&self, aim: &Aim, context: Option<&str>) -> Reply {
        let connected = match self.connections.of(context).await {
            Ok(connected) => connected,
            Err(why) => return not_started(why),
        };
        let getting = Getting {
            kind: aim.kind.clone().unwrap_or_default(),
            api_version: aim.api_version.clone(),
            plural: aim.plural.clone(),
            namespace: aim.namespace.clone(),
            name: aim.name.clone(),
            selector: aim.selector.clone(),
        };
        match connected.outside.get(&getting).await {
            Ok(Got::Found(object)) => {
                let mut reply = Reply::bare(End::Status(200));
                reply.stdout = object.to_string();
                reply.is_whole = reply.stdout.len() <= MOST_SEEN;
                reply
            }
            Ok(Got::Absent) => {
                let mut reply = Reply::bare(End::Status(404));
                reply.stderr = "it is not there".to_owned();
                reply
            }
            Err(why) => not_started(why),
        }
    }
}

impl Cluster for Hands {
    fn differs<'a>(
        &'a self,
        step: Step<'a>,
        exactly: bool,
    ) -> Answering<'a, Result<Option<(String, String)>, String>> {
        Box::pin(self.differs_now(step, exactly))
    }

    fn act<'a>(&'a self, step: Step<'a>, site: ClusterSite<'a>) -> Answering<'a, Reply> {
        Box::pin(self.carry_out(step, site))
    }

    fn became<'a>(&'a self, step: Step<'a>, site: ClusterSite<'a>) -> Answering<'a, Became> {
        Box::pin(self.look_what_became(step, site))
    }

    fn get<'a>(&'a self, aim: &'a Aim, context: Option<&'a str>) -> Answering<'a, Reply> {
        Box::pin(self.read(aim, context))
    }
}

fn call(doing: &Doing) -> Call {
    Call {
        action: doing.action.clone(),
        target: Target {
            kind: doing.kind.clone(),
            namespace: doing.namespace.clone(),
            name: doing.name.clone(),
        },
        parameters: doing.parameters.clone(),
    }
}

fn basis(planned: &Planned) -> Basis {
    Basis {
        uid: planned.uid.clone(),
        generation: planned.generation,
        resource_version: planned.resource_version.clone(),
    }
}

/// What is done: what was planned; for a way back what the step's first attempt told, on the same target.
fn as_told(step: Step<'_>, site: ClusterSite<'_>) -> Result<Call, Box<Reply>> {
    let planned = call(step.doing);
    let told = if step.as_told {
        folder::told_back(site.folder)
    } else {
        None
    };
    let Some(told) = told else {
        return Ok(planned);
    };
    let Some(action) = told.action.filter(|_| told.available) else {
        let reason = told.reason.unwrap_or_default();
        // A node that was so before was not changed by the step.
        if planned.target.kind == "Node" {
            let message = format!("nothing to take back: {reason}");
            return Err(Box::new(finished(&message, &json!({ "message": message }))));
        }
        return Err(Box::new(not_started(format!("there is no way back: {reason}"))));
    };
    Ok(Call {
        action,
        target: planned.target,
        parameters: told.parameters,
    })
}

/// An execution goes on by itself, and the same name finds it again. One that was made and is gone says nothing any more.
async fn became_of_execution(outside: &Outside, namespace: &str, site: ClusterSite<'_>) -> Became {
    if !folder::was_made(site.folder) {
        return Became::NotBegun;
    }
    let name = execution_name(site);
    match outside.is_entrusted(namespace, &name).await {
        Ok(true) => Became::NotBegun,
        Ok(false) => Became::Unknown(format!(
            "KubernetesExecution {namespace}/{name} was made and is gone; its target has to be looked at"
        )),
        Err(why) => Became::Unknown(why),
    }
}

/// Lets it go on until it ends by itself, told to stop when the run is to stop now.
async fn with_stop<T>(doing: impl Future<Output = T>, stop: &StopSignal, token: &CancellationToken) -> T {
    let mut doing = std::pin::pin!(doing);
    tokio::select! {
        ended = &mut doing => return ended,
        () = stop.raised(Urgency::Now) => token.cancel(),
    }
    doing.await
}

/// The same for the same step of the same run, so that a run that goes on finds what it made.
fn execution_name(site: ClusterSite<'_>) -> String {
    let way = if site.undoing { "back" } else { "there" };
    let whole = format!("{}\n{}\n{way}", site.run, site.step);
    let digest = Digest::of(whole.as_bytes());
    let plain = |text: &str| {
        let letters = text.chars().map(|letter| {
            if letter.is_ascii_alphanumeric() {
                letter.to_ascii_lowercase()
            } else {
                '-'
            }
        });
        letters.take(20).collect::<String>().trim_matches('-').to_owned()
    };
    format!(
        "{}-{}-{}",
        plain(site.plan_name),
        plain(site.step),
        digest.short()
    )
}

fn not_started(why: String) -> Reply {
    Reply::bare(End::NotStarted(why))
}

/// The result as JSON for outputs, and in words for people.
fn finished(message: &str, result: &Value) -> Reply {
    let mut reply = Reply::bare(End::Finished);
    reply.stdout = result.to_string();
    message.clone_into(&mut reply.stderr);
    reply
}

fn reply(ended: Ended) -> Reply {
    match ended {
        Ended::Done(done) => {
            let Done {
                message,
                before,
                after,
                counts,
                ..
            } = *done;
            let result = json!({ "message": message, "before": before, "after": after, "counts": counts });
            finished(&message, &result)
        }
        Ended::Refused(why) => not_started(why),
        Ended::Failed(why) => Reply::bare(End::Unmet(why)),
        Ended::Stopped(_) => Reply::bare(End::Stopped),
        Ended::Lost(why) => Reply::bare(End::Lost(why)),
    }
}
