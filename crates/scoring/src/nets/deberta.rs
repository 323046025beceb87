//! DeBERTa-v2 and v3: attention to content and to relative positions apart.

use std::sync::OnceLock;

use axoneme_llm::kernels::{Matrix, Rows};
use candle_core::Tensor;

use super::{Backbone, Config, Shape};
use crate::ScoringError;
use crate::blocks::{Bias, Embedding, EncoderLayer, HostBias, Names, Norm, Pass, Place, State};
use crate::weights::{At, Weights};

const NAMES: Names = Names {
    query: "attention.self.query_proj",
    key: "attention.self.key_proj",
    value: "attention.self.value_proj",
    attended: "attention.output.dense",
    attention_norm: "attention.output.LayerNorm",
    up: "intermediate.dense",
    down: "output.dense",
    output_norm: "output.LayerNorm",
};

struct Deberta {
    words: Embedding,
    positions: Option<Embedding>,
    types: Option<Embedding>,
    norm: Norm,
    layers: Vec<(EncoderLayer, Option<Relative>)>,
}

pub(super) fn load(config: &Config, weights: &Weights) -> Result<(Box<dyn Backbone>, Shape), ScoringError> {
    let (hidden, heads) = config.heads("hidden_size", "num_attention_heads")?;
    let (inner, table) = (
        config.size("intermediate_size")?,
        config.size("max_position_embeddings")?,
    );
    let (vocabulary, epsilon) = (config.size("vocab_size")?, config.number("layer_norm_eps")?);
    let activation = config.activation("hidden_act")?;
    refuse_what_is_not_covered(config, hidden)?;
    let root = At::root(weights, "deberta", "embeddings.word_embeddings.weight");
    let at = root.at("embeddings");
    let absolute = config.json["position_biased_input"].as_bool().unwrap_or(true);
    let positions = match absolute {
        true => Some(Embedding::load(&at.at("position_embeddings"), table, hidden)?),
        false => None,
    };
    let types = match config.maybe_size("type_vocab_size")?.unwrap_or(0) {
        0 => None,
        types => Some(Embedding::load(&at.at("token_type_embeddings"), types, hidden)?),
    };
    let relative = Places::new(config, &root, table, hidden)?;
    let layer = |index: usize| {
        let at = root.at(format!("encoder.layer.{index}"));
        let layer = EncoderLayer::load(&at, &NAMES, (hidden, inner, heads), epsilon, activation)?;
        let relative = relative
            .as_ref()
            .map(|places| Relative::new(places, &at, &layer, hidden))
            .transpose()?;
        Ok((layer, relative))
    };
    let net = Deberta {
        words: Embedding::load(&at.at("word_embeddings"), vocabulary, hidden)?,
        positions,
        types,
        norm: at.at("LayerNorm").norm(hidden, epsilon)?,
        layers: (0..config.size("num_hidden_layers")?)
            .map(layer)
            .collect::<Result<_, ScoringError>>()?,
    };
    let shape = Shape {
        hidden,
        vocabulary,
        // Relative positions go on for ever.
        positions: absolute.then_some(table),
    };
    Ok((Box::new(net), shape))
}

fn refuse_what_is_not_covered(config: &Config, hidden: usize) -> Result<(), ScoringError> {
    if config.maybe_size("conv_kernel_size")?.unwrap_or(0) > 0 {
        return Err(config.unsupported("conv_kernel_size", "and convolution layers are not covered"));
    }
    if config.maybe_size("embedding_size")?.is_some_and(|size| size != hidden) {
        return Err(config.unsupported("embedding_size", "expected hidden_size"));
    }
    Ok(())
}

impl Backbone for Deberta {
    fn forward(&self, pass: &Pass) -> candle_core::Result<State> {
        let mut state = self.words.forward(&pass.tokens)?;
        if let Some(positions) = &self.positions {
            positions.add_to(&mut state, &pass.positions(0))?;
        }
        if let Some(types) = &self.types {
            types.add_to(&mut state, &pass.types)?;
        }
        let mut state = self.norm.forward(state)?;
        for (layer, relative) in &self.layers {
            let parts = relative.as_ref().map_or(1, Relative::parts);
            let bias = relative.as_ref().map(|relative| relative as &dyn Bias);
            state = layer.forward(state, parts, bias, pass)?;
        }
        Ok(state)
    }
}

/// Vectors for distances, before a layer projects them.
struct Places {
    span: usize,
    /// `2 * span` rows, on the CPU.
    rows: Vec<f32>,
    buckets: Buckets,
    to_position: bool,
    from_position: bool,
    shared: bool,
}

/// How distances are put together.
#[derive(Clone, Copy)]
struct Buckets {
    count: usize,
    farthest: usize,
}

impl Buckets {
    /// The bucket of a distance, with its sign: small distances are their own, large ones share on a logarithmic scale.
    fn of(self, distance: i64) -> i64 {
        let middle = (self.count / 2) as i64;
        let size = distance.abs();
        if self.count == 0 || size <= middle {
            return distance;
        }
        let (middle_f, span) = (middle as f32, middle as f32 - 1.0);
        let far = (size as f32 / middle_f).ln() / ((self.farthest as f32 - 1.0) / middle_f).ln() * span;
        distance.signum() * (far.ceil() as i64 + middle)
    }
}

impl Places {
    fn new(config: &Config, root: &At<'_>, table: usize, hidden: usize) -> Result<Option<Self>, ScoringError> {
        if !config.on("relative_attention") {
            return Ok(None);
        }
        let count = config.json["position_buckets"].as_i64().unwrap_or(-1).max(0);
        let farthest = match config.json["max_relative_positions"].as_i64().unwrap_or(-1) {
            farthest if farthest >= 1 => usize::try_from(farthest).unwrap_or(table),
            _ => table,
        };
        let count = usize::try_from(count).unwrap_or(0).min(1 << 16);
        if count == 1 || (count > 0 && farthest <= count / 2 + 1) {
            return Err(config.unsupported("position_buckets", "which does not fit the longest distance"));
        }
        let span = if count > 0 { count } else { farthest };
        // A list, or in older files one text with bars.
        let kinds: Vec<String> = match &config.json["pos_att_type"] {
            serde_json::Value::String(text) => text.split('|').map(|kind| kind.trim().to_lowercase()).collect(),
            serde_json::Value::Array(kinds) => kinds
                .iter()
                .filter_map(|kind| kind.as_str().map(str::to_owned))
                .collect(),
            _ => Vec::new(),
        };
        let mut rows = State::host(hidden, root.load("encoder.rel_embeddings.weight", &[span * 2, hidden])?);
        if config.json["norm_rel_ebd"]
            .as_str()
            .is_some_and(|norm| norm.contains("layer_norm"))
        {
            let at = root.at("encoder.LayerNorm");
            let epsilon = config.number("layer_norm_eps")?;
            let (weight, bias) = (at.load("weight", &[hidden])?, at.load("bias", &[hidden])?);
            rows = Norm::layer(weight, Some(bias), epsilon, &Place::HOST)?.forward(rows)?;
        }
        Ok(Some(Self {
            span,
            rows: rows.into_numbers()?,
            buckets: Buckets { count, farthest },
            to_position: kinds.iter().any(|kind| kind == "c2p"),
            from_position: kinds.iter().any(|kind| kind == "p2c"),
            shared: config.on("share_att_key"),
        }))
    }
}

/// What one layer makes of distances: keys that queries look at, and queries that keys answer.
struct Relative {
    span: usize,
    buckets: Buckets,
    /// Per head, for content to position.
    keys: Option<Vec<Matrix>>,
    /// Per head, for position to content.
    queries: Option<Vec<Matrix>>,
    /// The same on a device: heads, size, distances.
    on_device: Option<(Option<Tensor>, Option<Tensor>)>,
    scale: f32,
}

impl Relative {
    fn new(places: &Places, at: &At<'_>, layer: &EncoderLayer, hidden: usize) -> Result<Self, ScoringError> {
        let heads = layer.heads();
        let (count, place) = (places.span * 2, at.place());
        let device = &place.device;
        let rows = match place.tensors {
            false => State::host(hidden, places.rows.clone()),
            true => State::Device(Tensor::from_vec(places.rows.clone(), (count, hidden), device)?),
        };
        let own = |name: &str| -> Result<Vec<f32>, ScoringError> {
            let at = at.at("attention.self").at(name);
            let projection = at.linear_any(hidden, hidden)?;
            Ok(projection.forward(&rows, None, true)?.into_numbers()?)
        };
        let shared = match places.shared {
            true => Some(layer.projected(&rows)?.into_numbers()?),
            false => None,
        };
        let column = |all: &[f32], first: usize| -> Vec<f32> {
            all.chunks_exact(3 * hidden)
                .flat_map(|row| &row[first..first + hidden])
                .copied()
                .collect()
        };
        let keys = match (places.to_position, &shared) {
            (false, _) => None,
            (true, Some(all)) => Some(column(all, hidden)),
            (true, None) => Some(own("pos_key_proj")?),
        };
        let queries = match (places.from_position, &shared) {
            (false, _) => None,
            (true, Some(all)) => Some(column(all, 0)),
            (true, None) => Some(own("pos_query_proj")?),
        };
        let per_head = |rows: &Vec<f32>| {
            let of_head = |head: usize| {
                let mut matrix = Matrix::default();
                let rows = Rows {
                    data: rows,
                    first: head * heads.head_dim,
                    stride: hidden,
                    count,
                };
                matrix.take_rows(rows, heads.head_dim);
                matrix
            };
            (0..heads.heads).map(of_head).collect::<Vec<_>>()
        };
        let on_device = |rows: &Option<Vec<f32>>| -> candle_core::Result<Option<Tensor>> {
            let Some(rows) = rows else { return Ok(None) };
            let rows = Tensor::from_slice(rows, (count, heads.heads, heads.head_dim), device)?;
            Ok(Some(rows.permute((1, 2, 0))?.contiguous()?))
        };
        let parts = 1 + usize::from(keys.is_some()) + usize::from(queries.is_some());
        Ok(Self {
            span: places.span,
            buckets: places.buckets,
            on_device: match place.tensors {
                false => None,
                true => Some((on_device(&keys)?, on_device(&queries)?)),
            },
            keys: keys.as_ref().map(per_head),
            queries: queries.as_ref().map(per_head),
            scale: 1.0 / ((heads.head_dim * parts) as f32).sqrt(),
        })
    }

    /// How many kinds of scores are added up.
    fn parts(&self) -> usize {
        1 + usize::from(self.keys.is_some()) + usize::from(self.queries.is_some())
    }

    /// Which vector stands for the distance of a query from a key.
    fn place(&self, query: usize, key: usize) -> usize {
        let bucket = self.buckets.of(query as i64 - key as i64) + self.span as i64;
        usize::try_from(bucket).unwrap_or(0).min(self.span * 2 - 1)
    }

    /// Places of all distances, from the farthest key before the query to the farthest after it.
    fn places(&self, count: usize) -> Vec<usize> {
        let before = (1..count).rev().map(|distance| self.place(distance, 0));
        before
            .chain((0..count).map(|distance| self.place(0, distance)))
            .collect()
    }
}

impl Bias for Relative {
    fn on_host<'a>(&'a self, queries: Rows<'a>, keys: Rows<'a>) -> HostBias<'a> {
        let (count, distances) = (queries.count, self.span * 2);
        let places = self.places(count);
        let of_head = |rows: Rows<'a>, matrix: &Matrix, head: usize, first: usize, count: usize| {
            let rows = Rows {
                first: rows.first + head * matrix.inputs() + first * rows.stride,
                count,
                ..rows
            };
            matrix.multiply(rows, false)
        };
        let of_keys: Vec<OnceLock<Vec<f32>>> = vec![OnceLock::new(); self.queries.as_ref().map_or(0, Vec::len)];
        Box::new(move |head, first, scores| {
            let rows = scores.len() / count;
            if let Some(matrices) = &self.keys {
                let products = of_head(queries, &matrices[head], head, first, rows);
                for (row, scores) in scores.chunks_exact_mut(count).enumerate() {
                    let from = count - 1 - (first + row);
                    let products = &products[row * distances..][..distances];
                    for (score, place) in scores.iter_mut().zip(&places[from..]) {
                        *score += products[*place] * self.scale;
                    }
                }
            }
            if let Some(matrices) = &self.queries {
                // The same for all blocks of queries of a head.
                let products = of_keys[head].get_or_init(|| of_head(keys, &matrices[head], head, 0, count));
                for (row, scores) in scores.chunks_exact_mut(count).enumerate() {
                    let from = count - 1 - (first + row);
                    let products = products.chunks_exact(distances);
                    for ((score, place), products) in scores.iter_mut().zip(&places[from..]).zip(products) {
                        *score += products[*place] * self.scale;
                    }
                }
            }
        })
    }

    fn on_device(&self, queries: &Tensor, keys: &Tensor) -> candle_core::Result<Tensor> {
        let (heads, count, _) = queries.dims3()?;
        let Some((to_position, from_position)) = &self.on_device else {
            candle_core::bail!("relative positions are not on this device");
        };
        let indices = |turned: bool| {
            let mut places = Vec::with_capacity(count * count);
            for row in 0..count {
                for column in 0..count {
                    let (query, key) = if turned { (column, row) } else { (row, column) };
                    places.push(self.place(query, key) as u32);
                }
            }
            let places = Tensor::from_vec(places, (1, count, count), queries.device())?;
            places.broadcast_as((heads, count, count))?.contiguous()
        };
        let mut bias = Tensor::zeros((heads, count, count), candle_core::DType::F32, queries.device())?;
        if let Some(positions) = to_position {
            bias = (bias + queries.matmul(positions)?.gather(&indices(false)?, 2)?)?;
        }
        if let Some(positions) = from_position {
            let products = keys.matmul(positions)?.gather(&indices(true)?, 2)?;
            bias = (bias + products.transpose(1, 2)?)?;
        }
        bias * f64::from(self.scale)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_share_buckets_on_a_logarithmic_scale() {
        let buckets = Buckets { count: 8, farthest: 64 };
        let found: Vec<i64> = [0, 1, 4, 5, 8, 16, 40, 63].map(|distance| buckets.of(distance)).into();
        assert_eq!(found, [0, 1, 4, 5, 5, 6, 7, 7]);
        for distance in 0..200 {
            assert_eq!(buckets.of(-distance), -buckets.of(distance));
        }
        let own = Buckets { count: 0, farthest: 64 };
        assert_eq!(own.of(-57), -57);
    }
}
