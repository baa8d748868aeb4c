import CFuzzer
import Glibc

/// The target that the first argument names.
enum Chosen {
    static let target = CommandLine.arguments.dropFirst().first.flatMap(Target.init(rawValue:))
}

guard Chosen.target != nil else {
    print("usage: fuzz-readers \(Target.allCases.map(\.rawValue).joined(separator: "|")) [LIBFUZZER-ARGUMENT ...]")
    exit(64)
}
// libFuzzer gets the arguments after the target.
var count = CommandLine.argc - 1
var arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? = CommandLine.unsafeArgv + 1
exit(
    LLVMFuzzerRunDriver(&count, &arguments) { bytes, size in
        Chosen.target?.read(UnsafeRawBufferPointer(start: bytes, count: size))
        return 0
    })
