internal import Tensors

/// A name that a pickle refers to: a class or a function of a Python module.
struct PickleGlobal: Hashable, CustomStringConvertible {
  var module: String
  var name: String

  var description: String { "\(module).\(name)" }

  /// What is known of it.
  enum Meaning: Equatable {
    case orderedDictionary
    /// A dictionary with habits: `Counter`, `defaultdict`.
    case dictionary
    /// `torch._utils._rebuild_tensor`, `…_v2`, `…_v3`.
    case tensor(version: Int)
    case parameter
    /// `torch._tensor._rebuild_from_type_v2`, which calls another of these.
    case subclass
    /// What gives back the list or dictionary that it is called with: `torch.Size`, `set`,
    /// functions of `torch.jit._pickle`.
    case collection
    case storage(StorageType)
    case elementType(StorageType)
    /// What runs code or reaches beyond the program when Python loads it; no weights need it.
    case dangerous
    /// Anything else: it may stand where nothing depends on it.
    case other
  }

  /// - Complexity: no more than a few comparisons.
  var meaning: Meaning {
    switch module {
    case "collections":
      switch name {
      case "OrderedDict": return .orderedDictionary
      case "Counter", "defaultdict": return .dictionary
      default: return .other
      }
    case "torch": return torch
    case "torch.storage": return name == "UntypedStorage" ? .storage(.untyped) : .other
    case "torch._utils": return utilities
    case "torch._tensor": return name == "_rebuild_from_type_v2" ? .subclass : .other
    case "torch.jit._pickle":
      let names = [
        "build_intlist", "build_tensorlist", "build_doublelist", "build_boollist",
        "restore_type_tag",
      ]
      return names.contains(name) ? .collection : .other
    case "builtins", "__builtin__":
      if name == "set" || name == "frozenset" { return .collection }
      return Self.harmlessBuiltins.contains(name) ? .other : .dangerous
    default: return isDangerous ? .dangerous : .other
    }
  }

  private var torch: Meaning {
    if name == "Size" { return .collection }
    if let type = Self.storages[name] { return .storage(.elements(type)) }
    if name.hasSuffix("Storage") { return .storage(.other(name)) }
    if let type = Self.elementTypes[name] { return .elementType(.elements(type)) }
    if Self.otherElementTypes.contains(name) { return .elementType(.other(name)) }
    return name.contains(".") || name == "load" || name == "compile" ? .dangerous : .other
  }

  private var utilities: Meaning {
    switch name {
    case "_rebuild_tensor": .tensor(version: 1)
    case "_rebuild_tensor_v2": .tensor(version: 2)
    case "_rebuild_tensor_v3": .tensor(version: 3)
    case "_rebuild_parameter", "_rebuild_parameter_with_state": .parameter
    default: .other
    }
  }

  private static let storages: [String: ElementType] = [
    "FloatStorage": .float32, "HalfStorage": .float16, "BFloat16Storage": .bfloat16,
    "DoubleStorage": .float64, "LongStorage": .int64, "IntStorage": .int32, "ShortStorage": .int16,
    "CharStorage": .int8, "ByteStorage": .uint8, "BoolStorage": .bool,
    "ComplexFloatStorage": .complex64,
  ]

  private static let elementTypes: [String: ElementType] = [
    "float32": .float32, "float16": .float16, "bfloat16": .bfloat16, "float64": .float64,
    "int64": .int64, "int32": .int32, "int16": .int16, "int8": .int8, "uint8": .uint8,
    "uint16": .uint16, "uint32": .uint32, "uint64": .uint64, "bool": .bool,
    "complex64": .complex64, "float8_e4m3fn": .float8E4M3, "float8_e5m2": .float8E5M2,
    "float8_e4m3fnuz": .float8E4M3FNUZ, "float8_e5m2fnuz": .float8E5M2FNUZ,
    "float8_e8m0fnu": .float8E8M0,
  ]

  private static let otherElementTypes: Set<String> = [
    "complex128", "complex32", "qint8", "quint8", "qint32", "quint4x2", "quint2x4",
    "float4_e2m1fn_x2",
  ]

  private static let harmlessBuiltins: Set<String> = [
    "list", "dict", "tuple", "complex", "bytearray", "bytes", "int", "float",
    "bool", "str", "object", "slice", "range", "long", "unicode",
  ]

  /// Modules, each with all below it.
  private static let dangerousModules: Set<String> = [
    "os", "posix", "nt", "subprocess", "commands", "sys", "pty", "socket", "shutil", "runpy",
    "importlib", "imp", "pickle", "_pickle", "cPickle", "marshal", "code", "codeop", "ctypes",
    "webbrowser", "urllib", "urllib2", "http", "httplib", "requests", "aiohttp", "asyncio",
    "timeit",
    "pdb", "bdb", "profile", "cProfile", "trace", "pydoc", "pip", "operator", "_operator",
    "inspect",
    "signal", "multiprocessing", "threading", "tempfile", "glob", "pkgutil", "zipimport", "dill",
    "cloudpickle", "joblib", "torch.hub", "torch.utils.cpp_extension",
    "torch.utils.bottleneck", "torch.utils.collect_env", "numpy.testing", "numpy.f2py",
  ]

  private var isDangerous: Bool {
    var prefix = ""
    for part in module.split(separator: ".", omittingEmptySubsequences: false).prefix(3) {
      prefix += (prefix.isEmpty ? "" : ".") + part
      if Self.dangerousModules.contains(prefix) { return true }
    }
    return false
  }
}
