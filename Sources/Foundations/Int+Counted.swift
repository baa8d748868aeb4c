extension Int {
    /// The number and a noun, as in "1 tile" and "2 tiles". `plural` is that of an irregular noun.
    package func counted(_ noun: String, plural: String? = nil) -> String {
        "\(self) \(self == 1 ? noun : plural ?? "\(noun)s")"
    }
}
