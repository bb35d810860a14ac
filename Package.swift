// swift-tools-version: 6.3
import PackageDescription

/// What every Swift target of this package compiles with.
let settings: [SwiftSetting] = [
  .strictMemorySafety(),
  .treatAllWarnings(as: .error),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .enableExperimentalFeature("Lifetimes"),
]

let argumentParser = Target.Dependency.product(
  name: "ArgumentParser", package: "swift-argument-parser")
let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto")
let system = Target.Dependency.product(name: "SystemPackage", package: "swift-system")

/// A module of Swift, in `Sources/<name>`.
func module(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .target(name: name, dependencies: dependencies, swiftSettings: settings)
}

/// A wheel for Python has the library and the command in one file; `Scripts/build_wheel` asks for
/// it.
let makesWheel = Context.environment["CLIP_PACK_WHEEL"] != nil

/// A program; in a wheel, a module whose `main` the library has.
func program(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  makesWheel
    ? module(name, dependencies)
    : .executableTarget(name: name, dependencies: dependencies, swiftSettings: settings)
}

/// The tests of one module, in `Tests/<name>Tests`.
func tests(of name: String, _ dependencies: [Target.Dependency]) -> Target {
  .testTarget(
    name: name + "Tests", dependencies: ["TestSupport"] + dependencies, swiftSettings: settings)
}

// From the ground up: a target names only targets above it in this list.
let package = Package(
  name: "clip-pack",
  platforms: [.macOS(.v26), .iOS(.v26)],
  products: (makesWheel ? [] : [.executable(name: "clip-pack", targets: ["clip-pack"])]) + [
    .library(name: "ClipPack", targets: ["ClipPack"]),
    .library(
      name: "clippack", type: .dynamic,
      targets: ["CInterface"] + (makesWheel ? ["clip-pack"] : [])),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
    .package(url: "https://github.com/apple/swift-system", from: "1.8.1"),
  ],
  targets: [
    .systemLibrary(
      name: "COpenBLAS", pkgConfig: "openblas", providers: [.apt(["libopenblas-dev"])]),
    .systemLibrary(name: "CClipPack"),
    .systemLibrary(name: "CZstd", pkgConfig: "libzstd", providers: [.apt(["libzstd-dev"])]),
    .target(
      name: "CImages",
      linkerSettings: [
        .linkedLibrary("png"), .linkedLibrary("jpeg"), .linkedLibrary("webp"),
        .linkedLibrary("webpdemux"),
      ]),
    .target(
      name: "CKernels", exclude: ["README.md"],
      cSettings: [
        "Attention", "Dispatch", "Elementwise", "Entropy", "Images", "Linear", "Quantise",
        "Reproducible",
      ].map { .headerSearchPath($0) }),
    .target(name: "CPlatform"),
    module("Platform", []),
    module("Concurrency", ["CPlatform", "Platform"]),
    module("Bytes", ["Platform", "Concurrency", system]),
    module("Kernels", ["CKernels", "COpenBLAS", "Platform", "Concurrency"]),
    module("Tensors", ["Concurrency", "Bytes", "Kernels"]),
    module("Architecture", ["Platform", "Bytes", "Tensors"]),
    module(
      "Checkpoints",
      ["Platform", "Concurrency", "Bytes", "Kernels", "Tensors", "Architecture", system]),
    module("Codecs", ["Concurrency", "Bytes", "Tensors", "Kernels", "CZstd"]),
    module(
      "PackFormat",
      ["Concurrency", "Bytes", "Tensors", "Architecture", "Kernels", "Codecs", crypto, system]),
    module(
      "Towers", ["Platform", "Concurrency", "Bytes", "Tensors", "Kernels", "Architecture"]),
    module(
      "Images",
      ["Platform", "Concurrency", "Bytes", "Kernels", "Architecture", "CImages", system]),
    module("Tokenizers", ["Bytes", system]),
    module("ClipPack", ["PackFormat", "Towers", "Images", "Tokenizers", system]),
    .target(
      name: "Evidence",
      dependencies: [
        "Platform", "Concurrency", "Bytes", "Kernels", "Tensors", "Architecture", "Checkpoints",
        "Codecs", "PackFormat", "Towers", "Images", "Tokenizers", "ClipPack", system,
      ],
      resources: [.embedInCode("Published/published.json")], swiftSettings: settings),
    module(
      "Quantisation",
      [
        "Platform", "Concurrency", "Bytes", "Kernels", "Tensors", "Architecture", "Checkpoints",
        "Codecs", "PackFormat", "Towers", "Images", "Tokenizers", "Evidence", system,
      ]),
    module(
      "Report",
      [
        "Platform", "Bytes", "Tensors", "Architecture", "PackFormat", "Images", "Tokenizers",
        "ClipPack", "Evidence",
      ]),
    module(
      "PackTools",
      [
        "Concurrency", "Bytes", "Tensors", "Architecture", "Checkpoints", "PackFormat",
        "Tokenizers", "ClipPack", system,
      ]),
    module(
      "Conversion",
      [
        "Concurrency", "Bytes", "Kernels", "Tensors", "Architecture", "Checkpoints", "Codecs",
        "PackFormat", "Towers", "Tokenizers", "ClipPack", "Evidence", "Quantisation", system,
      ]),
    module(
      "Export",
      [
        "Bytes", "Kernels", "Tensors", "Architecture", "Checkpoints", "PackFormat", "Towers",
        "Images", "Tokenizers", "ClipPack", "Evidence", "PackTools", system,
      ]),
    module(
      "Datasets", ["Concurrency", "Bytes", "Kernels", "Architecture", "Towers", "ClipPack", system]),
    module(
      "CInterface",
      [
        "CClipPack", "Platform", "Concurrency", "Bytes", "Kernels", "Architecture", "Checkpoints",
        "PackFormat", "Towers", "Images", "ClipPack", "Evidence", "Quantisation", "PackTools",
        "Conversion", system,
      ]),
    program(
      "clip-pack",
      [
        "Architecture", "Bytes", "Checkpoints", "ClipPack", "Concurrency", "Conversion", "Datasets",
        "Evidence", "Export", "Images", "Kernels", "PackFormat", "PackTools", "Platform",
        "Quantisation", "Report", "Tensors", "Tokenizers", "Towers", argumentParser, system,
      ]),

    .target(
      name: "TestSupport", dependencies: ["Platform", "Bytes", system], path: "Tests/Support",
      swiftSettings: settings),
    .target(
      name: "Readers",
      dependencies: [
        "Architecture", "Bytes", "Checkpoints", "ClipPack", "Concurrency", "Datasets", "Evidence",
        "Images", "Kernels", "PackFormat", "Platform", "Quantisation", "Tensors", "Tokenizers",
        system,
      ], path: "Tests/Readers", swiftSettings: settings),
    .target(
      name: "ConversionSupport",
      dependencies: [
        "Bytes", "Checkpoints", "ClipPack", "Concurrency", "Conversion", "Kernels", "PackFormat",
        "Quantisation", "TestSupport", system,
      ], path: "Tests/ConversionSupport", swiftSettings: settings),
    tests(of: "Readers", ["Readers", "Bytes", system]),
    tests(of: "Concurrency", ["Concurrency", "CPlatform", "Bytes", system]),
    tests(of: "Bytes", ["Bytes", system]),
    tests(of: "Kernels", ["Kernels", "Platform", "Concurrency"]),
    tests(of: "Tensors", ["Tensors", "Concurrency", "Bytes", "Kernels"]),
    tests(of: "Architecture", ["Architecture", "Bytes", "Tensors", system]),
    tests(
      of: "Checkpoints",
      ["Checkpoints", "Platform", "Kernels", "Architecture", "Bytes", "Tensors", system]),
    tests(of: "Codecs", ["Codecs", "Platform", "Concurrency", "Bytes", "Kernels", "Tensors"]),
    tests(
      of: "PackFormat",
      [
        "PackFormat", "Platform", "Concurrency", "Architecture", "Bytes", "Codecs", "Kernels",
        "Tensors", system,
      ]),
    tests(
      of: "Towers",
      [
        "Towers", "Checkpoints", "Concurrency", "Kernels", "Architecture", "Bytes", "Tensors",
        system,
      ]),
    tests(of: "Images", ["Images", "Platform", "Bytes", "Architecture", "Kernels", system]),
    tests(of: "Tokenizers", ["Tokenizers", "Platform", "Bytes", system]),
    tests(
      of: "Evidence",
      [
        "Evidence", "Bytes", "Checkpoints", "ClipPack", "Concurrency", "Conversion",
        "ConversionSupport", "Kernels", "PackFormat", "Quantisation", "Towers", system,
      ]),
    tests(
      of: "Quantisation",
      [
        "Quantisation", "Bytes", "Checkpoints", "ClipPack", "Concurrency", "Conversion",
        "ConversionSupport", "Evidence", "Kernels", "PackFormat", system,
      ]),
    tests(
      of: "Report",
      [
        "Report", "Bytes", "Checkpoints", "ClipPack", "Concurrency", "Conversion", "Evidence",
        "Kernels", "PackFormat", "Quantisation", system,
      ]),
    tests(
      of: "PackTools",
      [
        "PackTools", "Bytes", "Checkpoints", "Concurrency", "Conversion", "Kernels", "PackFormat",
        "Quantisation", system,
      ]),
    tests(
      of: "Conversion",
      [
        "Architecture", "Bytes", "Checkpoints", "ClipPack", "Codecs", "Concurrency", "Conversion",
        "ConversionSupport", "Evidence", "Kernels", "PackFormat", "PackTools", "Platform",
        "Quantisation", "Report", "Tensors", "Towers", system,
      ]),
    tests(
      of: "Export",
      [
        "Export", "Architecture", "Bytes", "Checkpoints", "ClipPack", "Concurrency", "Conversion",
        "PackFormat", "Quantisation", "Tensors", system,
      ]),
    tests(
      of: "Datasets",
      [
        "Datasets", "Bytes", "Checkpoints", "ClipPack", "Concurrency", "Conversion", "Kernels",
        "PackFormat", "Quantisation", system,
      ]),
    tests(
      of: "CInterface",
      [
        "CInterface", "Architecture", "Bytes", "Checkpoints", "ClipPack", "Concurrency",
        "Conversion", "Evidence", "PackFormat", "Platform", "Quantisation", system,
      ]),
    .testTarget(
      name: "CommandTests", dependencies: ["TestSupport", "Bytes", "clip-pack", system],
      swiftSettings: settings),
  ]
)

// The fuzzer links only with libFuzzer's flags; `Scripts/fuzz` sets them and this variable.
if Context.environment["CLIP_PACK_FUZZ"] != nil {
  package.targets += [
    .target(name: "CLibFuzzer", path: "Tests/CLibFuzzer"),
    .executableTarget(
      name: "Fuzz", dependencies: ["CLibFuzzer", "Platform", "Readers"], path: "Tests/Fuzz",
      swiftSettings: settings),
  ]
  package.products.append(.executable(name: "Fuzz", targets: ["Fuzz"]))
}
