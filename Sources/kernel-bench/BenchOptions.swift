import ArgumentParser
import Benchmarks
import Console
import FoundationEssentials
import NeuralNetworks
import Tensors

extension Architecture: ExpressibleByArgument {}
extension InstructionSet: ExpressibleByArgument {}
extension Precision: ExpressibleByArgument {}

/// Options of all subcommands.
struct BenchOptions: ParsableArguments {
    @Option(help: "Batch size, in tiles.")
    var batch = 32

    @Option(
        help: "Instruction set of the kernels: \(Self.names) (default: NUCLEI_ISA, or else the best supported one).")
    var isa = Self.environment

    @Flag(help: "Fewer and shorter rounds, for a rough estimate.")
    var quick = false

    private static let environment =
        ProcessInfo.processInfo.environment["NUCLEI_ISA"].flatMap(InstructionSet.init(rawValue:)) ?? .any
    private static let names = InstructionSet.allCases.map(\.rawValue).joined(separator: ", ")

    func validate() throws {
        try require(1...512 ~= batch, "--batch", "1 to 512", found: batch)
    }

    /// Configures the kernels. Throws when the processor does not support the instruction set.
    func apply(threads: Int) throws {
        try Kernels.checkEnvironment()
        try Kernels.setThreadCount(threads)
        do {
            try Kernels.setInstructions(isa)
        } catch {
            throw ValidationError(
                "--isa: expected an instruction set that this processor supports, found \(isa.rawValue)")
        }
    }
}

/// Options that select a network and its work.
struct WorkOptions: ParsableArguments {
    @Option(help: "Network: \(Architecture.allCases.map(\.rawValue).joined(separator: ", ")).")
    var modelKind = Architecture.lenet5

    @Flag(help: "Inference, from normalized pixels to logits, or training step: forward, backward, clipping, AdamW.")
    var task = NetworkWork.Task.infer

    @Option(help: "Numbers that the network computes with: float32, or int16 for inference, except of a resnet18.")
    var precision = Precision.float32

    func validate() throws {
        guard precision == .int16 else { return }
        try require(
            task == .infer && modelKind.hasFixedPoint, "--precision",
            "float32, or for int16 --infer and not resnet18",
            found: "int16 with \(modelKind.rawValue), --\(task.rawValue)")
    }

    func load(batch: Int) throws -> NetworkWork {
        try NetworkWork(modelKind, task, batch: batch, precision: precision)
    }
}

extension NetworkWork.Task: EnumerableFlag {}
