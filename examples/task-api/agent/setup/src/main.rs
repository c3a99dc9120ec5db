fn main() {
    println!("task-api {}", env!("CARGO_PKG_VERSION"));
}
