extension Int {
    /// The number and a noun with a regular plural, as in "1 tile" and "2 tiles".
    package func counted(_ noun: String) -> String { "\(self) \(noun)\(self == 1 ? "" : "s")" }
}
