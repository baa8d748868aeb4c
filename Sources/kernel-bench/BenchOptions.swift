import ArgumentParser
import Benchmarks
import Console
import Foundation
import NeuralNetworks
import Tensors

extension Architecture: ExpressibleByArgument {}
extension InstructionSet: ExpressibleByArgument {}

/// What all measurements have.
struct BenchOptions: ParsableArguments {
    @Option(help: "Tiles computed at once.")
    var batch = 32

    @Option(help: "Instructions for the kernels (\(Self.names); default: NUCLEI_ISA, else the best there are).")
    var isa = Self.environment

    @Flag(help: "Few and short rounds: for a first look.")
    var quick = false

    private static let environment =
        ProcessInfo.processInfo.environment["NUCLEI_ISA"].flatMap(InstructionSet.init(rawValue:)) ?? .any
    private static let names = InstructionSet.allCases.map(\.rawValue).joined(separator: ", ")

    func validate() throws {
        try require(1...512 ~= batch, "--batch", "1 to 512", found: batch)
    }

    /// Sets the kernels up. Throws when the processor does not have the instructions.
    func apply(threads: Int) throws {
        try Kernels.setThreadCount(threads)
        do {
            // Where not every algorithm is measured, NUCLEI_CONV decides.
            if isa != .any { try Kernels.setInstructions(isa) }
        } catch {
            throw ValidationError("--isa: expected instructions that this processor has, found \(isa.rawValue)")
        }
    }
}

/// A network, and what is done with it.
struct WorkOptions: ParsableArguments {
    @Option(help: "Which network: \(Architecture.allCases.map(\.rawValue).joined(separator: ", ")).")
    var modelKind = Architecture.lenet5

    @Flag(help: "An inference, from normalized pixels to logits, or a training step: forward, backward, clip, AdamW.")
    var task = NetworkWork.Task.infer

    func load(batch: Int) throws -> NetworkWork { try NetworkWork(modelKind, task, batch: batch) }
}

extension NetworkWork.Task: EnumerableFlag {}
