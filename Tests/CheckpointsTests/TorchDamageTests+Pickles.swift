import Bytes

/// Instructions that no sound file has, and trees that are no model.
extension TorchDamageTests {
  static let pickles: [Damage] = [
    Damage(
      name: "os.system beside the model",
      bytes: {
        beside(Forgery.global("os", "system") + Forgery.tuple([Forgery.text("id")]) + [0x52])
      },
      message:
        "the pickle names \"os.system\", which can run code when Python loads it and which no "
        + "weights need; nothing of it was run here (byte 0xfe)"),
    Damage(
      name: "posix.system by STACK_GLOBAL",
      bytes: { beside(Forgery.text("posix") + Forgery.text("system") + [0x93]) },
      message:
        "the pickle names \"posix.system\", which can run code when Python loads it and which "
        + "no weights need; nothing of it was run here (byte 0x113)"),
    Damage(
      name: "eval", bytes: { beside(Forgery.global("builtins", "eval")) },
      message:
        "the pickle names \"builtins.eval\", which can run code when Python loads it and which "
        + "no weights need; nothing of it was run here (byte 0xfe)"),
    Damage(
      name: "getattr of Python 2", bytes: { beside(Forgery.global("__builtin__", "getattr")) },
      message:
        "the pickle names \"__builtin__.getattr\", which can run code when Python loads it and "
        + "which no weights need; nothing of it was run here (byte 0xfe)"),
    Damage(
      name: "a module below one that is refused",
      bytes: { beside(Forgery.global("torch.hub.sub", "load")) },
      message:
        "the pickle names \"torch.hub.sub.load\", which can run code when Python loads it and "
        + "which no weights need; nothing of it was run here (byte 0xfe)"),
    Damage(
      name: "an object among the tensors",
      bytes: { pickled(Forgery.dictionary([("a", Forgery.global("m", "C") + [0x29, 0x81])])) },
      message: "tensor \"a\": is an object of m.C, which is not read"),
    Damage(
      name: "a quantised tensor",
      bytes: {
        pickled(
          Forgery.dictionary([
            ("a", Forgery.global("torch._utils", "_rebuild_qtensor") + [0x29, 0x52])
          ]))
      },
      message: "tensor \"a\": is an object of torch._utils._rebuild_qtensor, which is not read"),
    Damage(
      name: "a storage of a quantised type", bytes: { model(Forgery.storage(6, "QInt8Storage")) },
      message: "tensor \"a\": is of QInt8Storage, which is not read"),
    Damage(
      name: "a call of an object",
      bytes: { pickled(Forgery.global("m", "C") + [0x29, 0x52, 0x29, 0x52]) },
      message: "pickle: an object of m.C is called, which is no function or class (byte 0x32)"),
    Damage(
      name: "a call without a tuple", bytes: { pickled(Forgery.global("m", "C") + [0x4e, 0x52]) },
      message: "pickle: m.C is called with None, no tuple (byte 0x30)"),
    Damage(
      name: "an OrderedDict of no pairs",
      bytes: {
        pickled(
          Forgery.global("collections", "OrderedDict") + [0x28, 0x5d, 0x28, 0x4e, 0x65, 0x74, 0x52])
      },
      message:
        "pickle: collections.OrderedDict is called with a list that holds None, no pair (byte "
        + "0x49)"),
    Damage(
      name: "_rebuild_tensor_v2 of numbers",
      bytes: {
        pickled(
          Forgery.global("torch._utils", "_rebuild_tensor_v2")
            + Forgery.tuple([[UInt8]](repeating: [0x4e], count: 6)) + [0x52])
      },
      message:
        "pickle: torch._utils._rebuild_tensor_v2 is called with (None, None, None, None, None, "
        + "None); a storage, its offset, sizes and strides are required (byte 0x53)"),
    Damage(
      name: "SETITEM on a list (CVE-2026-24747)",
      bytes: { pickled([0x5d] + Forgery.text("a") + [0x4e, 0x73]) },
      message: "pickle: SETITEM is given a list of 0, a dictionary is required (byte 0x32)"),
    Damage(
      name: "APPEND to a dictionary", bytes: { pickled([0x7d, 0x4e, 0x61]) },
      message: "pickle: APPEND is given a dictionary of 0, a list is required (byte 0x2c)"),
    Damage(
      name: "BUILD of a tuple", bytes: { pickled([0x29, 0x7d, 0x62]) },
      message: "pickle: BUILD is given a tuple of 0, an object is required (byte 0x2c)"),
    Damage(
      name: "pairs of three", bytes: { pickled([0x7d, 0x28, 0x4e, 0x4e, 0x4e, 0x75]) },
      message: "pickle: SETITEMS is given 3 values, which are no pairs (byte 0x2f)"),
    Damage(
      name: "a memo without an entry", bytes: { pickled([0x68, 7]) },
      message: "pickle: nothing is remembered as number 7 (byte 0x2a)"),
    Damage(
      name: "TUPLE without a mark", bytes: { pickled([0x4e, 0x74]) },
      message: "pickle: TUPLE finds no mark (byte 0x2b)"),
    Damage(
      name: "APPEND below a mark", bytes: { pickled([0x5d, 0x28, 0x4e, 0x61]) },
      message: "pickle: APPEND is given no list (byte 0x2d)"),
    Damage(
      name: "an empty stack", bytes: { pickled([]) },
      message: "pickle: STOP finds no value on the stack (byte 0x2a)"),
    Damage(
      name: "two values at the end", bytes: { pickled([0x4e, 0x4e]) },
      message: "pickle: 1 values are left on the stack at STOP, 0 must be (byte 0x2c)"),
    Damage(
      name: "bytes behind the pickle",
      bytes: { Forgery.archive(Forgery.pickle([0x4e]) + [0x2e]) },
      message: "m/data.pkl has 1 bytes behind its pickle (byte 0x2c)"),
    Damage(
      name: "INST", bytes: { pickled(Array("(ios\nsystem\n".utf8)) },
      message: "the pickle has the instruction 0x69 (INST), which torch.save does not write (byte "
        + "0x2b)"),
    Damage(
      name: "EXT1", bytes: { pickled([0x82, 1]) },
      message: "the pickle has the instruction 0x82 (EXT1), which torch.save does not write (byte "
        + "0x2a)"),
    Damage(
      name: "an unknown instruction", bytes: { pickled([0xff]) },
      message: "the pickle has the instruction 0xff, which torch.save does not write (byte 0x2a)"),
    Damage(
      name: "protocol 0", bytes: { Forgery.archive(Array("I1\n.".utf8)) },
      message: "this is no pickle of protocol 2, 3, 4 or 5, which begin with 80 0n (byte 0x28)"),
    Damage(
      name: "a text of 4 GB", bytes: { pickled([0x58, 0xff, 0xff, 0xff, 0xff]) },
      message:
        "text or bytes of the pickle is 4294967295 bytes, at most 67108864 are allowed (byte "
        + "0x2f)"),
    Damage(
      name: "a text of 2⁶⁴ − 1 bytes",
      bytes: { pickled([0x8d] + [UInt8](repeating: 0xff, count: 8)) },
      message: "text or bytes of the pickle is 18446744073709551615 bytes, at most 67108864 are "
        + "allowed (byte 0x33)"),
    Damage(
      name: "a name that does not end", bytes: { pickled([0x63] + Array("os".utf8)) },
      message: "GLOBAL takes 1 bytes, 0 are left (byte 0x2e)"),
    Damage(
      name: "a module by persistent id",
      bytes: { pickled(Forgery.tuple([Forgery.text("module"), [0x4e]]) + [0x51]) },
      message:
        "the pickle refers to a \"module\" outside of it; save the model's state_dict() instead "
        + "of the model (byte 0x38)"),
    Damage(
      name: "a persistent id that is a text", bytes: { pickled(Forgery.text("a") + [0x51]) },
      message:
        "pickle: a persistent id is \"a\", a tuple that begins with a text is required (byte "
        + "0x30)"),
    Damage(
      name: "a storage of −1 elements", bytes: { model(Forgery.storage(-1)) },
      message: "pickle: a persistent id is (\"storage\", torch.FloatStorage, \"0\", \"cpu\", -1); "
        + "\"storage\", its class, key, location and count are required (byte 0x8e)"),
  ]

  static let structures: [Damage] = [
    Damage(
      name: "a dictionary in itself",
      bytes: { pickled([0x7d, 0x71, 0] + Forgery.text("model") + [0x68, 0, 0x73]) },
      message: "the file holds no tensors by name, so it is no model"),
    Damage(
      name: "a dictionary in itself beside tensors",
      bytes: {
        let a = Forgery.text("a") + Forgery.tensor(Forgery.storage(6), [2, 3], [3, 1]) + [0x73]
        let model = Forgery.text("model") + [0x68, 0, 0x73]
        return pickled([0x7d, 0x71, 0] + a + model)
      },
      message:
        "tensor \"a\": lies beside a set of tensors under \"model\", so it is not clear which is "
        + "the model; save the one to use alone"),
    Damage(
      name: "wrappers in wrappers",
      bytes: {
        pickled(
          (0..<9).reduce(Forgery.sound) { inner, _ in Forgery.dictionary([("model", inner)]) })
      },
      message: "the file holds no tensors by name, so it is no model"),
    Damage(
      name: "a list", bytes: { pickled([0x5d]) },
      message: "the file holds a list of 0, a model's state_dict is needed"),
    Damage(
      name: "one tensor",
      bytes: { pickled(Forgery.tensor(Forgery.storage(6), [2, 3], [3, 1])) },
      message: "the file holds a tensor, a model's state_dict is needed"),
    Damage(
      name: "arguments of a training",
      bytes: {
        pickled(Forgery.global("transformers.training_args", "TrainingArguments") + [0x29, 0x81])
      },
      message: "the file holds an object of transformers.training_args.TrainingArguments and no "
        + "tensors, so it is no model"),
    Damage(
      name: "an optimiser",
      bytes: { pickled(Forgery.dictionary([("state", [0x7d]), ("param_groups", [0x5d])])) },
      message:
        "is the state of an optimiser and not a model; the weights are in another file of the "
        + "training, such as pytorch_model.bin"),
    Damage(
      name: "a name that is a number",
      bytes: { pickled([0x7d, 0x4b, 1] + Forgery.tensor(Forgery.storage(6), [6], [1]) + [0x73]) },
      message: "a tensor's name is 1, a text is required"),
    Damage(
      name: "a name that is no UTF-8",
      bytes: {
        pickled([0x7d, 0x55, 1, 0xff] + Forgery.tensor(Forgery.storage(6), [6], [1]) + [0x73])
      },
      message: "a tensor's name is a text, a text is required"),
    Damage(
      name: "a name twice",
      bytes: {
        let tensor = Forgery.tensor(Forgery.storage(6), [6], [1])
        return pickled(Forgery.dictionary([("a", tensor), ("a", tensor)]))
      },
      message: "tensor \"a\": is there twice"),
    Damage(
      name: "a name that safetensors keeps",
      bytes: {
        pickled(
          Forgery.dictionary([("__metadata__", Forgery.tensor(Forgery.storage(6), [6], [1]))]))
      },
      message: "tensor \"__metadata__\": has a name that safetensors keeps for itself"),
    Damage(
      name: "two models that differ",
      bytes: {
        let other = Forgery.dictionary([("a", Forgery.tensor(Forgery.storage(6), [3, 2], [2, 1]))])
        return pickled(Forgery.dictionary([("ema", other), ("state_dict", Forgery.sound)]))
      },
      message:
        "holds two sets of tensors that differ, under \"state_dict\" and under \"ema\"; save the "
        + "one to use alone, in Python: torch.save(torch.load(FILE)[\"ema\"], \"model.pt\")"),
    Damage(
      name: "an average kept as a list",
      bytes: {
        let list = [0x5d] + Forgery.tensor(Forgery.storage(6), [6], [1]) + [0x61]
        return pickled(
          Forgery.dictionary([
            ("model", Forgery.sound), ("ema", Forgery.dictionary([("shadow_params", list)])),
          ]))
      },
      message:
        "holds two sets of tensors that differ, under \"model\" and under \"ema\"; save the one "
        + "to use alone, in Python: torch.save(torch.load(FILE)[\"ema\"], \"model.pt\")"),
    Damage(
      name: "a module's part with a dot",
      bytes: {
        let tables = Forgery.dictionary([
          (
            "_parameters",
            Forgery.dictionary([("a.b", Forgery.tensor(Forgery.storage(6), [6], [1]))])
          )
        ])
        return pickled(Forgery.global("m", "C") + [0x29, 0x81] + tables + [0x62])
      },
      message:
        "tensor \"a.b\": a part of a module is named \"a.b\", names without a dot are required"),
  ]
}
