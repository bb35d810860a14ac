internal import Bytes

/// The keys of a kind of file that are read, or that are known to say nothing about the answers.
struct KnownKeys {
  private let keys: Set<String>
  /// Members whose own keys are looked at too.
  private let nested: Set<String>

  private init(_ keys: String, nested: String = "") {
    self.nested = Set(nested.split(separator: " ").map(String.init))
    self.keys = self.nested.union(keys.split { $0 == " " || $0 == "\n" }.map(String.init))
  }

  /// The keys of a document that are neither, with the member that they stand in.
  func unknown(in json: JSON) -> [String] {
    guard let object = json.object else { return [] }
    return object.keys.flatMap { key -> [String] in
      guard nested.contains(key), let inner = object[key]?.object else {
        return keys.contains(key) ? [] : [key]
      }
      return inner.keys.filter { !keys.contains($0) }.map { key + "." + $0 }
    }
  }

  /// What `model_type` is where `configuration` has all keys that the model reads.
  static let models: Set<String> = [
    "clip", "clip_text_model", "clip_vision_model", "siglip", "siglip_text_model",
    "siglip_vision_model",
  ]

  /// `config.json`. The second half are members of `PretrainedConfig` of transformers 4 and 5,
  /// about training, generation and how a model is called.
  static let configuration = KnownKeys(
    """
    model_type hidden_size intermediate_size num_hidden_layers num_attention_heads hidden_act
    layer_norm_eps image_size patch_size num_channels vocab_size max_position_embeddings
    eos_token_id pad_token_id bos_token_id sep_token_id projection_dim projection_size
    vision_use_head model_cfg preprocess_cfg quantization_config auto_map

    architectures _name_or_path _commit_hash name_or_path transformers_version torch_dtype dtype
    initializer_factor initializer_range logit_scale_init_value attention_dropout dropout
    hidden_dropout_prob attention_probs_dropout_prob use_cache use_return_dict return_dict
    output_hidden_states output_attentions torchscript use_bfloat16 tf_legacy_loss pruned_heads
    tie_word_embeddings chunk_size_feed_forward is_encoder_decoder is_decoder
    cross_attention_hidden_size add_cross_attention tie_encoder_decoder max_length min_length
    do_sample early_stopping num_beams num_beam_groups diversity_penalty temperature top_k top_p
    typical_p repetition_penalty length_penalty no_repeat_ngram_size encoder_no_repeat_ngram_size
    bad_words_ids num_return_sequences output_scores return_dict_in_generate forced_bos_token_id
    forced_eos_token_id remove_invalid_values exponential_decay_length_penalty suppress_tokens
    begin_suppress_tokens finetuning_task id2label label2id num_labels tokenizer_class prefix
    decoder_start_token_id task_specific_params problem_type gradient_checkpointing
    attn_implementation _attn_implementation _attn_implementation_autoset
    _attn_implementation_internal text_config_dict vision_config_dict
    """, nested: "text_config vision_config")

  /// `preprocessor_config.json`, and `processor_config.json`.
  static let preprocessing = KnownKeys(
    """
    do_resize size resample do_center_crop crop_size do_rescale rescale_factor do_normalize
    image_mean image_std do_pad use_square_size image_processor_type feature_extractor_type alpha
    crop_offset

    do_convert_rgb processor_class _processor_class _valid_processor_keys default_to_square
    data_format input_data_format return_tensors device disable_grouping do_reduce_labels
    _name_or_path transformers_version image_processor_class auto_map pad_size
    """, nested: "image_processor")
}
