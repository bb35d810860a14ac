internal import Bytes

/// Reads a pickle of protocols 2 to 5 into a tree, with limits, and executes nothing.
///
/// It is a stack machine whose instructions push, collect and store values. Those that would call
/// something (REDUCE, NEWOBJ, BUILD) make a tensor's description where the name is one of a closed
/// list, and an inert object else.
///
/// Source: Lib/pickletools.py of CPython 3.13; the names of the instructions are its.
struct PickleReader: ~Escapable {
  /// The largest pickle that is read; those of published models have 40 to 400 KB.
  static let maximumSize = 64 << 20
  /// Some 35 instructions describe a tensor, so that this is enough for 28,000; and what they
  /// can make takes less than 200 MB.
  static let maximumInstructions = 1_000_000

  private var input: ByteReader
  var tree: PickleTree
  private var stack: [PickleValue] = []
  /// How high the stack was at each mark.
  private var marks: [Int] = []
  private var memo: [UInt32: PickleValue] = [:]
  private var globalIndices: [PickleGlobal: Int] = [:]
  /// Where the instruction that is carried out stands in the file.
  private(set) var place = 0

  @_lifetime(copy input)
  private init(_ input: ByteReader, _ tree: PickleTree) {
    self.input = input
    self.tree = tree
  }

  /// Reads one pickle.
  ///
  /// - Parameters:
  ///   - file: the bytes in which texts will be looked up.
  ///   - range: of the pickle in them; it may end earlier.
  /// - Returns: the tree, and the offset behind its last instruction.
  static func tree(
    of file: Buffer, _ range: Range<Int>
  ) throws(FormatError) -> (tree: PickleTree, end: Int) {
    let input = ByteReader(file.bytes.extracting(range), origin: range.lowerBound)
    var reader = PickleReader(input, PickleTree(file))
    return try reader.run()
  }

  private mutating func run() throws(FormatError) -> (tree: PickleTree, end: Int) {
    place = input.offset
    guard try input.read(UInt8.self, "PROTO") == 0x80,
      case let version = try input.read(UInt8.self, "protocol"), 2...5 ~= version
    else {
      throw FormatError(
        .unsupported, "this is no pickle of protocol 2, 3, 4 or 5, which begin with 80 0n",
        at: place)
    }
    for _ in 0..<Self.maximumInstructions {
      place = input.offset
      let code = try input.read(UInt8.self, "instruction")
      guard code != 0x2e else {  // STOP
        tree.root = try pop("STOP")
        guard stack.isEmpty, marks.isEmpty else {
          throw refused("\(stack.count) values are left on the stack at STOP, 0 must be")
        }
        return (tree, input.offset)
      }
      try step(code)
    }
    throw FormatError(
      .unsupported,
      "the pickle has more than \(Self.maximumInstructions) instructions, which no weights need",
      at: place)
  }

  private mutating func step(_ code: UInt8) throws(FormatError) {
    switch code {
    case 0x28: marks.append(stack.count)  // MARK
    case 0x95: _ = try input.read(UInt64.self, "FRAME")
    case 0x4e: stack.append(.none)
    case 0x88: stack.append(.bool(true))
    case 0x89: stack.append(.bool(false))
    case 0x4a: stack.append(.integer(Int(try input.read(Int32.self, "BININT"))))
    case 0x4b: stack.append(.integer(Int(try input.read(UInt8.self, "BININT1"))))
    case 0x4d: stack.append(.integer(Int(try input.read(UInt16.self, "BININT2"))))
    case 0x8a: stack.append(try long())
    case 0x47:  // BINFLOAT, which is big-endian
      let bits = try input.read(UInt64.self, "BINFLOAT").byteSwapped
      stack.append(.number(Double(bitPattern: bits)))
    case 0x58: try text(UInt64(input.read(UInt32.self, "BINUNICODE")))
    case 0x8c: try text(UInt64(input.read(UInt8.self, "SHORT_BINUNICODE")))
    case 0x8d: try text(input.read(UInt64.self, "BINUNICODE8"))
    case 0x55: try text(UInt64(input.read(UInt8.self, "SHORT_BINSTRING")))
    case 0x54: try text(UInt64(input.read(UInt32.self, "BINSTRING")))
    case 0x42: stack.append(.data(try bytes(UInt64(input.read(UInt32.self, "BINBYTES")))))
    case 0x43: stack.append(.data(try bytes(UInt64(input.read(UInt8.self, "SHORT_BINBYTES")))))
    case 0x5d: push(.list([]))
    case 0x7d: push(.dictionary([]))
    case 0x8f: push(.list([]))  // EMPTY_SET
    case 0x29: push(.tuple([]))
    case 0x74: push(.tuple(try popToMark("TUPLE")))
    case 0x85, 0x86, 0x87:
      var elements: [PickleValue] = []
      for _ in 0..<code - 0x84 { elements.append(try pop("TUPLE\(code - 0x84)")) }
      push(.tuple(elements.reversed()))
    case 0x6c: push(.list(try popToMark("LIST")))
    case 0x64: push(.dictionary(try members(popToMark("DICT"), "DICT")))
    case 0x91: push(.list(try popToMark("FROZENSET")))
    case 0x61: try append([pop("APPEND")], "APPEND")
    case 0x65: try append(popToMark("APPENDS"), "APPENDS")
    case 0x90: try append(popToMark("ADDITEMS"), "ADDITEMS")
    case 0x73:
      let value = try pop("SETITEM")
      try set([try pop("SETITEM"), value], "SETITEM")
    case 0x75: try set(popToMark("SETITEMS"), "SETITEMS")
    case 0x71: try store(UInt32(input.read(UInt8.self, "BINPUT")))
    case 0x72: try store(input.read(UInt32.self, "LONG_BINPUT"))
    case 0x94: try store(UInt32(truncatingIfNeeded: memo.count))  // MEMOIZE
    case 0x68: try load(UInt32(input.read(UInt8.self, "BINGET")))
    case 0x6a: try load(input.read(UInt32.self, "LONG_BINGET"))
    case 0x63:  // GLOBAL
      let module = try line()
      try global(PickleGlobal(module: module, name: try line()))
    case 0x93:  // STACK_GLOBAL
      let (name, module) = (try pop("STACK_GLOBAL"), try pop("STACK_GLOBAL"))
      guard let name = tree.text(name), let module = tree.text(module) else {
        throw refused("STACK_GLOBAL names no class by two texts")
      }
      try global(PickleGlobal(module: module, name: name))
    case 0x52, 0x81:  // REDUCE, NEWOBJ
      let arguments = try pop("REDUCE")
      let callee = try pop("REDUCE")
      stack.append(try call(callee, arguments, isClass: code == 0x81))
    case 0x62: try build()
    case 0x51: stack.append(try persistent(pop("BINPERSID")))
    default:
      throw FormatError(
        .unsupported,
        "the pickle has the instruction "
          + "\(code.hexadecimal)\(Self.names[code].map { " (\($0))" } ?? ""), "
          + "which torch.save does not write", at: place)
    }
  }

  /// Known instructions that are refused.
  private static let names: [UInt8: String] = [
    0x30: "POP", 0x31: "POP_MARK", 0x32: "DUP", 0x46: "FLOAT", 0x49: "INT", 0x4c: "LONG",
    0x50: "PERSID", 0x53: "STRING", 0x56: "UNICODE", 0x67: "GET", 0x70: "PUT", 0x69: "INST",
    0x6f: "OBJ", 0x82: "EXT1", 0x83: "EXT2", 0x84: "EXT4", 0x8b: "LONG4", 0x8e: "BINBYTES8",
    0x92: "NEWOBJ_EX", 0x96: "BYTEARRAY8", 0x97: "NEXT_BUFFER", 0x98: "READONLY_BUFFER",
    0x80: "PROTO",
  ]

  // MARK: values

  func refused(_ reason: String) -> FormatError {
    FormatError(.invalidField, "pickle: " + reason, at: place)
  }

  mutating func push(_ node: PickleNode) { stack.append(add(node)) }

  mutating func add(_ node: PickleNode) -> PickleValue {
    tree.nodes.append(node)
    return .node(tree.nodes.count - 1)
  }

  private mutating func pop(_ instruction: StaticString) throws(FormatError) -> PickleValue {
    try pop("\(instruction)")
  }

  private mutating func pop(_ instruction: String) throws(FormatError) -> PickleValue {
    guard stack.count > marks.last ?? 0, let value = stack.popLast() else {
      throw refused("\(instruction) finds no value on the stack")
    }
    return value
  }

  private mutating func popToMark(_ instruction: String) throws(FormatError) -> [PickleValue] {
    guard let mark = marks.popLast() else { throw refused("\(instruction) finds no mark") }
    let values = Array(stack[mark...])
    stack.removeSubrange(mark...)
    return values
  }

  private mutating func long() throws(FormatError) -> PickleValue {
    let count = try input.read(UInt8.self, "LONG1")
    let bytes = try input.take(UInt64(count), limit: 255, "LONG1")
    guard count <= 8 else { return .large }
    var value: UInt64 = 0
    for index in 0..<Int(count) { value |= UInt64(bytes[index]) << UInt64(8 * index) }
    guard count > 0 else { return .integer(0) }
    let shift = 64 - 8 * UInt64(count)
    return .integer(Int(Int64(bitPattern: value << shift) >> Int64(shift)))
  }

  private mutating func bytes(_ count: UInt64) throws(FormatError) -> Range<Int> {
    let start = input.offset
    _ = try input.take(count, limit: Self.maximumSize, "text or bytes of the pickle")
    return start..<input.offset
  }

  private mutating func text(_ count: UInt64) throws(FormatError) {
    stack.append(.text(try bytes(count)))
  }

  /// The rest of a line of at most 1024 bytes, as GLOBAL has it.
  private mutating func line() throws(FormatError) -> String {
    var bytes: [UInt8] = []
    while bytes.count <= 1024 {
      let byte = try input.read(UInt8.self, "GLOBAL")
      guard byte != UInt8(ascii: "\n") else {
        guard let text = String(validating: bytes, as: UTF8.self) else { break }
        return text
      }
      bytes.append(byte)
    }
    throw refused("GLOBAL names something by other than two lines of UTF-8 of at most 1024 bytes")
  }

  private mutating func global(_ global: PickleGlobal) throws(FormatError) {
    guard global.meaning != .dangerous else {
      throw FormatError(
        .unsupported,
        "the pickle names \(JSON.quoted(global.description)), which can run code when Python loads "
          + "it and which no weights need; nothing of it was run here", at: place)
    }
    let index = globalIndices[global] ?? tree.globals.count
    if index == tree.globals.count {
      tree.globals.append(global)
      globalIndices[global] = index
    }
    stack.append(.global(index))
  }

  // MARK: memo

  private mutating func store(_ index: UInt32) throws(FormatError) {
    guard stack.count > marks.last ?? 0, let value = stack.last else {
      throw refused("a value is to be remembered where none is on the stack")
    }
    memo[index] = value
  }

  private mutating func load(_ index: UInt32) throws(FormatError) {
    guard let value = memo[index] else { throw refused("nothing is remembered as number \(index)") }
    stack.append(value)
  }

  // MARK: containers

  private mutating func append(
    _ values: [PickleValue], _ instruction: StaticString
  ) throws(FormatError) {
    guard stack.count > marks.last ?? 0, case .node(let index)? = stack.last else {
      throw refused("\(instruction) is given no list")
    }
    switch tree.nodes[index] {
    case .list(var elements):
      // Taken out meanwhile, so that the array is not copied.
      tree.nodes[index] = .tuple([])
      elements.append(contentsOf: values)
      tree.nodes[index] = .list(elements)
    // A list of a class of its own: what it holds decides nothing.
    case .object: return
    default: throw refused("\(instruction) is given \(tree.kind(.node(index))), a list is required")
    }
  }

  private mutating func set(
    _ values: [PickleValue], _ instruction: StaticString
  ) throws(FormatError) {
    let new = try members(values, "\(instruction)")
    guard stack.count > marks.last ?? 0, case .node(let index)? = stack.last else {
      throw refused("\(instruction) is given no dictionary")
    }
    switch tree.nodes[index] {
    case .dictionary(var members):
      tree.nodes[index] = .tuple([])
      members.append(contentsOf: new)
      tree.nodes[index] = .dictionary(members)
    case .object: return
    default:
      throw refused("\(instruction) is given \(tree.kind(.node(index))), a dictionary is required")
    }
  }

  private func members(
    _ values: [PickleValue], _ instruction: String
  ) throws(FormatError) -> [PickleMember] {
    guard values.count.isMultiple(of: 2) else {
      throw refused("\(instruction) is given \(values.count) values, which are no pairs")
    }
    return stride(from: 0, to: values.count, by: 2).map {
      PickleMember(key: values[$0], value: values[$0 + 1])
    }
  }

  /// BUILD: the attributes of an object. Those of a dictionary, of a list and of a tensor decide
  /// nothing.
  private mutating func build() throws(FormatError) {
    let state = try pop("BUILD")
    guard stack.count > marks.last ?? 0, case .node(let index)? = stack.last else {
      throw refused("BUILD is given no object")
    }
    switch tree.nodes[index] {
    case .object(var object):
      object.state = state
      tree.nodes[index] = .object(object)
    case .dictionary: return
    default: throw refused("BUILD is given \(tree.kind(.node(index))), an object is required")
    }
  }
}
