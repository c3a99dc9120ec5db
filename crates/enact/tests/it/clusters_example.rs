//! `examples/node-maintenance`, as its README says: with a cluster on a socket, and an `ssh` that only knows one node.

use std::os::unix::fs::PermissionsExt as _;

use crate::clusters::WithCluster;
use crate::harness::repository;

const SSH: &str = "#!/bin/sh
# ssh -o BatchMode=yes NODE COMMAND…
[ \"$3\" = n ] || exit 255
case \"$4\" in
  uname) cat \"$HOME/kernel\" ;;
  sudo) echo \"$6\" > \"$HOME/kernel\" ;;
esac
";

fn prepared() -> WithCluster {
    let mut with = WithCluster::new();
    let example = repository().join("examples/node-maintenance/patch-node.plan.yaml");
    with.place
        .write("patch-node.plan.yaml", std::fs::read(example).unwrap());
    with.place.write("bin/ssh", SSH);
    let ssh = with.place.work().join("bin/ssh");
    std::fs::set_permissions(&ssh, std::fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:/usr/bin:/bin", with.place.work().join("bin").display());
    with.place.environment.push(("PATH".to_owned(), path));
    let home = with.place.work().join("home");
    std::fs::create_dir(&home).unwrap();
    std::fs::write(home.join("kernel"), "6.1.0-old\n").unwrap();
    with.place
        .environment
        .push(("HOME".to_owned(), home.display().to_string()));
    with.pod("a");
    with.budget(1);
    with
}

fn plan(with: &WithCluster) {
    let plan = [
        "plan",
        "-f",
        "patch-node.plan.yaml",
        "-P",
        "node=n",
        "-P",
        "kernel=6.12.9",
        "-o",
        "plan.json",
    ];
    with.place.run(&plan).expect(0);
    let id = with.plan_json()["plan_id"].as_str().unwrap().to_owned();
    let digits = &id["sha256:".len()..][..6];
    let approve = ["approve", "plan.json", "--digits", digits, "--say", "Proceed"];
    with.place.run(&approve).expect(0).says(&["Holds now: A_OTHERS"]);
}

fn last(with: &WithCluster) -> String {
    let runs = with
        .place
        .run(&["runs", "list", "--output", "json"])
        .expect(0)
        .json();
    runs[0]["run_id"].as_str().unwrap().to_owned()
}

#[test]
fn the_node_is_emptied_patched_and_put_back() {
    let with = prepared();
    plan(&with);
    with.place.run(&["run", "plan.json"]).expect(9);
    assert!(with.unschedulable("n") && with.cluster.all("pods").is_empty());
    with.place.run(&["confirm", &last(&with)]).expect(0);
    assert!(!with.unschedulable("n"));
    let kernel = std::fs::read_to_string(with.place.work().join("home/kernel")).unwrap();
    assert_eq!(kernel, "6.12.9\n");
    let report = with.place.run(&["runs", "report", &last(&with)]).expect(0).json();
    let criteria = report["criteria"].as_array().unwrap();
    let passed = criteria
        .iter()
        .filter(|criterion| criterion["verdict"] == "passed");
    assert_eq!(passed.count(), 3, "{report:#}");
}

#[test]
fn taken_back_at_the_checkpoint_the_node_takes_pods_again() {
    let with = prepared();
    plan(&with);
    with.place.run(&["run", "plan.json"]).expect(9);
    assert!(with.unschedulable("n"));
    with.place.run(&["rollback", &last(&with), "--auto-approve"]);
    assert!(!with.unschedulable("n"));
}

#[test]
fn where_an_assumption_about_the_cluster_does_not_hold_nothing_is_written() {
    let with = prepared();
    plan(&with);
    with.cluster.edit("nodes", "", "m", |node| {
        node["status"]["conditions"][0]["status"] = "False".into();
    });
    with.place
        .run(&["run", "plan.json"])
        .expect(6)
        .says(&["A_OTHERS"]);
    assert_eq!(with.writes(), [""; 0]);
}
