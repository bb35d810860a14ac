import Bytes
import CPlatform
import SystemPackage
import TestSupport
import Testing

/// How many processors control groups leave, by folders like theirs.
@Suite("Processors") struct ProcessorTests {
  let folder = TemporaryFolder()

  private func write(_ text: String, _ path: String) throws {
    let path = FilePath(path)
    try Folder.create(folder.path.appending(path.removingLastComponent().components))
    try folder.write(Array(text.utf8), path.string)
  }

  private func processors(_ groups: String, most: Int = 8) throws -> Int {
    try write(groups, "groups")
    return unsafe cp_group_processors(
      folder.appending("groups").string, folder.appending("mount").string, most)
  }

  @Test func `the least of a group and those above it counts`() throws {
    try write("max 100000\n", "mount/cpu.max")
    try write("150000 100000\n", "mount/a/cpu.max")
    try write("max 100000\n", "mount/a/b/cpu.max")
    #expect(try processors("0::/\n") == 8)
    #expect(try processors("0::/a\n") == 2)
    #expect(try processors("0::/a/b\n") == 2)
    #expect(try processors("0::/a/b/not/there\n") == 2)
    #expect(try processors("0::/a/b\n", most: 1) == 1)
    try write("50000 100000\n", "mount/a/b/cpu.max")
    #expect(try processors("0::/a/b\n") == 1)
  }

  @Test func `version 1 has two files`() throws {
    let group = "mount/cpu,cpuacct/x/"
    try write("250000\n", group + "cpu.cfs_quota_us")
    try write("100000\n", group + "cpu.cfs_period_us")
    #expect(try processors("4:memory:/x\n3:cpu,cpuacct:/x/y\n") == 3)
    #expect(try processors("3:cpuset:/x\n") == 8)
    try write("-1\n", group + "cpu.cfs_quota_us")
    #expect(try processors("3:cpu,cpuacct:/x\n") == 8)
  }

  @Test func `what is no limit is none`() throws {
    for text in ["", "max", "0 0\n", "-5 100000\n", "x y\n", "100000\n"] {
      try write(text, "mount/cpu.max")
      #expect(try processors("0::/\n") == 8, "\(text)")
    }
    let long = "0::" + String(repeating: "/a", count: 4000)
    for groups in ["", "0", "0:", "::", "no groups\n", long] {
      #expect(try processors(groups) == 8)
    }
    let none = unsafe cp_group_processors("/none", "/none", 8)
    #expect(none == 8)
  }
}
