// swift-tools-version: 6.1
import PackageDescription

/// Compiler flags of the kernels. Debug builds optimize them too, because tests run them on whole networks. Square roots
/// vectorize only where they need not set `errno`. SwiftPM takes include and library paths from pkg-config, but not
/// `-fopenmp`.
let kernelFlags: [CSetting] = [.unsafeFlags(["-fopenmp", "-O3", "-fno-math-errno", "-Wall", "-Wextra"])]

let system: Target.Dependency = .product(name: "SystemPackage", package: "swift-system")

let package = Package(
    name: "nuclei",
    products: [
        .executable(name: "nuclei-train", targets: ["nuclei-train"]),
        .executable(name: "nuclei-mask", targets: ["nuclei-mask"]),
        .executable(name: "kernel-bench", targets: ["kernel-bench"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-system", from: "1.8.1"),
        .package(url: "https://github.com/hummingbird-project/swift-mustache", from: "2.1.1"),
    ],
    targets: [
        .systemLibrary(
            name: "COpenBLAS", pkgConfig: "openblas", providers: [.apt(["libopenblas-dev"])]),
        .target(
            name: "CKernels", dependencies: ["COpenBLAS"], path: "CKernels",
            cSettings: kernelFlags + [.headerSearchPath("src")], linkerSettings: [.linkedLibrary("omp5")]),
        .systemLibrary(
            name: "COpenJPEG", pkgConfig: "libopenjp2", providers: [.apt(["libopenjp2-7-dev"])]),
        .target(
            name: "CImageCodecs", dependencies: ["COpenJPEG"], cSettings: [.unsafeFlags(["-Wall", "-Wextra"])],
            linkerSettings: [
                .linkedLibrary("png16"), .linkedLibrary("jpeg"), .linkedLibrary("tiff"), .linkedLibrary("z"),
            ]),

        .target(name: "COpenSlide", cSettings: [.unsafeFlags(["-Wall", "-Wextra"])]),
        .target(name: "CBundledModel", cSettings: [.unsafeFlags(["-Wall", "-Wextra", "-Wno-c23-extensions"])]),

        .target(
            name: "CMachinePeak", cSettings: kernelFlags, linkerSettings: [.linkedLibrary("omp5")]),

        .systemLibrary(
            name: "COpenSSL", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),
        // Comes with the headers of libpng.
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        .target(name: "Foundations", dependencies: ["COpenSSL", "CZlib", system]),
        .target(name: "Tensors", dependencies: ["CKernels", "Foundations"]),
        .target(name: "NeuralNetworks", dependencies: ["Foundations", "Tensors"]),
        .target(name: "Imaging", dependencies: ["Foundations", "CImageCodecs", "COpenSlide"]),
        .target(name: "Datasets", dependencies: ["Foundations", "Tensors", "Imaging"]),
        .target(
            name: "SyntheticTissue", dependencies: ["Datasets", "Foundations", "Imaging", "Tensors"]),
        .target(
            name: "Training",
            dependencies: [
                "BundledModels", "Datasets", "Foundations", "Imaging", "Masking", "NeuralNetworks", "Tensors",
            ]),
        .target(name: "Masking", dependencies: ["Foundations", "Imaging", "Tensors", "NeuralNetworks"]),
        .target(name: "BundledModels", dependencies: ["CBundledModel", "Foundations", "NeuralNetworks"]),
        .target(name: "Charts", dependencies: ["Foundations"]),
        .target(
            name: "Reports",
            dependencies: [
                "Charts", "Datasets", "Foundations", "Imaging", "Training",
                .product(name: "Mustache", package: "swift-mustache"),
            ]),
        .target(
            name: "Benchmarks", dependencies: ["CMachinePeak", "Datasets", "Foundations", "NeuralNetworks", "Tensors"]),
        .target(
            name: "Console",
            dependencies: ["Foundations", .product(name: "ArgumentParser", package: "swift-argument-parser")]),
        .executableTarget(
            name: "nuclei-train",
            dependencies: [
                "BundledModels", "Console", "Datasets", "Foundations", "Imaging", "NeuralNetworks", "Reports",
                "SyntheticTissue", "Tensors", "Training",
            ]),
        .executableTarget(
            name: "nuclei-mask",
            dependencies: [
                "BundledModels", "Console", "Foundations", "Imaging", "Masking", "NeuralNetworks", "Tensors",
            ]),
        .executableTarget(
            name: "kernel-bench",
            dependencies: ["Benchmarks", "Charts", "Console", "Foundations", "NeuralNetworks", "Tensors"]),

        .target(
            name: "TestSupport", dependencies: ["COpenJPEG", "Foundations", "NeuralNetworks", "Tensors"],
            path: "Tests/TestSupport"),
        .testTarget(name: "FoundationsTests", dependencies: ["Foundations", "TestSupport"]),
        .testTarget(
            name: "ConsoleTests",
            dependencies: [
                "Console", "Foundations", .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ]),
        .testTarget(name: "TensorsTests", dependencies: ["CKernels", "Tensors", "TestSupport"]),
        .testTarget(
            name: "NeuralNetworksTests", dependencies: ["Foundations", "NeuralNetworks", "Tensors", "TestSupport"]),
        .testTarget(name: "ImagingTests", dependencies: ["Foundations", "Imaging", "TestSupport"]),
        .testTarget(
            name: "DatasetsTests", dependencies: ["Datasets", "Foundations", "Imaging", "Tensors", "TestSupport"]),
        .testTarget(
            name: "TrainingTests",
            dependencies: [
                "Datasets", "Foundations", "Imaging", "NeuralNetworks", "SyntheticTissue", "Tensors", "Training",
                "TestSupport",
            ]),
        .testTarget(
            name: "SyntheticTissueTests",
            dependencies: ["Datasets", "Foundations", "Imaging", "SyntheticTissue", "Tensors", "TestSupport"]),
        .testTarget(
            name: "MaskingTests",
            dependencies: ["Foundations", "Imaging", "Masking", "NeuralNetworks", "Tensors", "TestSupport"]),
        .testTarget(
            name: "ReportsTests",
            dependencies: [
                "Charts", "Datasets", "Foundations", "Reports", "SyntheticTissue", "TestSupport", "Training",
            ]),
        .testTarget(
            name: "BenchmarksTests",
            dependencies: ["Benchmarks", "Foundations", "NeuralNetworks", "Tensors", "TestSupport"]),
        .testTarget(
            name: "CommandTests",
            dependencies: [
                "Benchmarks", "Foundations", "Imaging", "NeuralNetworks", "TestSupport", "kernel-bench", "nuclei-train",
                "nuclei-mask",
            ],
            // They wait for processes and compute little: the optimizer would take longer than it saves.
            swiftSettings: [.unsafeFlags(["-Onone"])]),
    ],
    swiftLanguageModes: [.v6]
)

// The targets that tools/sanitize.sh tests, which sets the variable, and what they need. The others take as long to build.
if Context.environment["NUCLEI_SANITIZE"] != nil {
    let tested = ["Tensors", "Imaging", "NeuralNetworks", "Datasets", "Masking"]
    let needed = [
        "Foundations", "COpenBLAS", "CKernels", "COpenJPEG", "CImageCodecs", "COpenSlide", "COpenSSL", "CZlib",
    ]
    let names = Set(tested + tested.map { "\($0)Tests" } + needed + ["TestSupport"])
    package.products = []
    package.targets.removeAll { !names.contains($0.name) }
}

// The fuzzer of tools/fuzz.sh, which sets the variable.
if Context.environment["NUCLEI_FUZZ"] != nil {
    package.targets += [
        .systemLibrary(name: "CFuzzer", path: "tools/fuzz/CFuzzer"),
        .executableTarget(
            name: "fuzz-readers",
            dependencies: [
                "CFuzzer", "Datasets", "Foundations", "Imaging", "Masking", "NeuralNetworks", "Training",
            ], path: "tools/fuzz/Readers", linkerSettings: [.unsafeFlags(["-use-ld=lld"])]),
    ]
}
