// swift-tools-version: 6.2
import PackageDescription

/// Every Swift target is built in Swift 6 mode with warnings as errors.
let strict: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .treatAllWarnings(as: .error),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .enableUpcomingFeature("InternalImportsByDefault"),
]

/// The data plane and the reading of logs in release builds: what is optimised for use has the checks of
/// exclusive access to memory left out, which cost a quarter of a request's instructions. Debug builds,
/// and so all tests of the targets, keep them.
let fast =
  strict + [.unsafeFlags(["-enforce-exclusivity=unchecked"], .when(configuration: .release))]

/// The state machine, its log and replay: values and functions only, and one unsafe construct: the load of
/// eight bytes in JSON/ByteWords.swift.
let pure = strict + [.strictMemorySafety()]

let package = Package(
  name: "par-lifecycle",
  products: [.executable(name: "par-lifecycle", targets: ["par-lifecycle"])],
  dependencies: [],
  targets: [
    // Names for what Linux already has.
    .target(name: "CPlatform", cSettings: [.unsafeFlags(["-Wall", "-Wextra", "-Werror"])]),
    .target(name: "CCurl", cSettings: [.unsafeFlags(["-Wall", "-Wextra", "-Werror"])]),
    .systemLibrary(
      name: "CYaml", pkgConfig: "yaml-0.1", providers: [.apt(["libyaml-dev"])]),
    .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
    .systemLibrary(
      name: "CNghttp2", pkgConfig: "libnghttp2", providers: [.apt(["libnghttp2-dev"])]),

    // The state machine. Imports nothing.
    .target(name: "Lifecycle", swiftSettings: pure),

    // What carries the machine's effects out; each folder is a target, so that the walls are compiled.
    .target(
      name: "LinuxSystem", dependencies: ["CPlatform", "Lifecycle"], path: "Sources/Runtime/System",
      swiftSettings: strict),
    .target(
      name: "RunConfiguration", dependencies: ["Lifecycle"], path: "Sources/Runtime/Configuration",
      swiftSettings: strict),
    .target(
      name: "YAML", dependencies: ["CYaml"], path: "Sources/Runtime/YAML", swiftSettings: strict),
    .target(
      name: "AgentPackages",
      dependencies: ["Lifecycle", "LinuxSystem", "YAML", "CPlatform", "CZlib"],
      path: "Sources/Runtime/Packages", swiftSettings: strict),
    .target(
      name: "PackageFetch",
      dependencies: [
        "Lifecycle", "LinuxSystem", "RunConfiguration", "AgentPackages", "CPlatform", "CCurl",
      ],
      path: "Sources/Runtime/Fetch", swiftSettings: strict),
    .target(
      name: "DataPlane", dependencies: ["Lifecycle", "LinuxSystem", "CPlatform", "CNghttp2"],
      path: "Sources/Runtime/DataPlane", swiftSettings: fast),
    .target(
      name: "ControlPlane",
      dependencies: [
        "Lifecycle", "LinuxSystem", "RunConfiguration", "AgentPackages", "DataPlane", "CPlatform",
      ],
      path: "Sources/Runtime/ControlPlane", swiftSettings: strict),
    .target(
      name: "Controller",
      dependencies: [
        "Lifecycle", "LinuxSystem", "RunConfiguration", "AgentPackages", "PackageFetch",
        "DataPlane", "ControlPlane", "CPlatform",
      ],
      path: "Sources/Runtime/Controller", swiftSettings: strict),
    .target(
      name: "Supervisor",
      dependencies: [
        "Lifecycle", "LinuxSystem", "RunConfiguration", "AgentPackages", "PackageFetch",
        "DataPlane", "ControlPlane", "CPlatform", "YAML",
      ],
      path: "Sources/Runtime/Supervisor",
      resources: [
        .embedInCode("Page/supervisor.html"), .embedInCode("Page/supervisor.css"),
        .embedInCode("Page/supervisor.js"),
      ],
      swiftSettings: strict),

    // `trace`: logs of any number of runs in, verdicts and pictures out.
    .target(
      name: "LogTrace", dependencies: ["Lifecycle", "LinuxSystem", "CPlatform", "CZlib"],
      path: "Sources/Runtime/Trace",
      resources: [
        .embedInCode("Views/Page/page.html"), .embedInCode("Views/Page/page.css"),
        .embedInCode("Views/Page/page.js"),
      ],
      swiftSettings: fast),

    .executableTarget(
      name: "par-lifecycle",
      dependencies: [
        "Lifecycle", "LinuxSystem", "RunConfiguration", "AgentPackages", "PackageFetch",
        "Controller", "Supervisor", "LogTrace",
      ],
      path: "Sources/Cli", swiftSettings: strict),

    .testTarget(name: "LifecycleTests", dependencies: ["Lifecycle"], swiftSettings: strict),
    .testTarget(
      name: "SystemTests", dependencies: ["LinuxSystem", "Lifecycle", "CPlatform"],
      swiftSettings: strict),
    .testTarget(
      name: "ConfigurationTests", dependencies: ["RunConfiguration", "Lifecycle"],
      swiftSettings: strict),
    .testTarget(
      name: "PackagesTests", dependencies: ["AgentPackages", "Lifecycle", "LinuxSystem", "CZlib"],
      swiftSettings: strict),
    .testTarget(
      name: "FetchTests",
      dependencies: [
        "PackageFetch", "AgentPackages", "RunConfiguration", "Lifecycle", "LinuxSystem",
        "CPlatform",
      ],
      exclude: ["S3/botocore-signatures.py", "S3/botocore-signatures.jsonl"],
      swiftSettings: strict),
    .testTarget(
      name: "DataPlaneTests", dependencies: ["DataPlane", "Lifecycle", "LinuxSystem", "CPlatform"],
      swiftSettings: strict),
    .testTarget(
      name: "TraceTests", dependencies: ["LogTrace", "Lifecycle", "LinuxSystem"],
      swiftSettings: strict),
    .testTarget(
      name: "ControllerTests",
      dependencies: [
        "Controller", "ControlPlane", "Lifecycle", "LinuxSystem", "RunConfiguration", "DataPlane",
        "AgentPackages", "CPlatform",
      ],
      swiftSettings: strict),
    .testTarget(
      name: "SupervisorTests",
      dependencies: [
        "Supervisor", "ControlPlane", "Lifecycle", "LinuxSystem", "RunConfiguration", "DataPlane",
        "AgentPackages", "CPlatform",
      ],
      swiftSettings: strict),
  ]
)
