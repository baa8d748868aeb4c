import Glibc

/// Parts of names that no other process gives its files, on this host or another. Numbers of processes are not unique:
/// containers and other hosts have the same.
package enum UniqueName {
    /// The name of this host, without its domain.
    package static let host: String = {
        var name = [CChar](repeating: 0, count: 256)
        guard gethostname(&name, name.count - 1) == 0 else { return "unknown" }
        let text = String(decoding: name.prefix { $0 != 0 && $0 != 0x2E }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return text.isEmpty ? "unknown" : text
    }()

    /// The start of the host's name and 16 random hexadecimal digits.
    package static func next() -> String {
        let plain = String(
            host.unicodeScalars.filter { $0.properties.isAlphabetic && $0.isASCII || $0.isDigit }.map(Character.init))
        let digits = String(UInt64.random(in: 0...UInt64.max), radix: 16)
        return "\(plain.prefix(12))-\(String(repeating: "0", count: 16 - digits.count))\(digits)"
    }
}

extension Unicode.Scalar {
    fileprivate var isDigit: Bool { ("0"..."9").contains(self) }
}
