//! Which device a model runs on.

use std::fmt;
use std::str::FromStr;

use candle_core::Device;

use crate::ModelError;

/// Where a model should run, as written in a config file: `auto`, `cpu`, `cuda` or `cuda:N`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DeviceChoice {
    /// The first GPU when this build has CUDA and one answers, the CPU otherwise.
    #[default]
    Auto,
    /// The CPU.
    Cpu,
    /// The GPU with this number; never falls back to the CPU.
    Cuda(usize),
}

impl DeviceChoice {
    /// Opens the device.
    ///
    /// Fails when a GPU was asked for by name and this build has no CUDA, or the GPU does not answer: an operator
    /// who configured a GPU must not find out from the bill that the CPU did the work.
    pub fn open(self) -> Result<Device, ModelError> {
        match self {
            Self::Cpu => Ok(Device::Cpu),
            Self::Auto if !cfg!(feature = "cuda") => Ok(Device::Cpu),
            Self::Auto => match Device::new_cuda(0) {
                Ok(device) => Ok(device),
                Err(error) => {
                    tracing::warn!(%error, "no gpu answers, running on the cpu");
                    Ok(Device::Cpu)
                }
            },
            Self::Cuda(_) if !cfg!(feature = "cuda") => Err(ModelError::Device(format!(
                "device {self} was asked for, but this build has no CUDA; rebuild with --features cuda, or use device cpu"
            ))),
            Self::Cuda(ordinal) => Device::new_cuda(ordinal).map_err(|error| {
                ModelError::Device(format!(
                    "device {self} does not answer ({error}); check nvidia-smi, or use device cpu"
                ))
            }),
        }
    }
}

impl FromStr for DeviceChoice {
    type Err = ModelError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "auto" => Ok(Self::Auto),
            "cpu" => Ok(Self::Cpu),
            "cuda" => Ok(Self::Cuda(0)),
            _ => text
                .strip_prefix("cuda:")
                .and_then(|ordinal| ordinal.parse().ok())
                .map(Self::Cuda)
                .ok_or_else(|| ModelError::Device(format!("unknown device {text:?}; use auto, cpu, cuda or cuda:N"))),
        }
    }
}

impl fmt::Display for DeviceChoice {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => formatter.write_str("auto"),
            Self::Cpu => formatter.write_str("cpu"),
            Self::Cuda(ordinal) => write!(formatter, "cuda:{ordinal}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_choice_reads_back_as_it_is_written() {
        for choice in [
            DeviceChoice::Auto,
            DeviceChoice::Cpu,
            DeviceChoice::Cuda(0),
            DeviceChoice::Cuda(3),
        ] {
            assert_eq!(choice.to_string().parse::<DeviceChoice>().unwrap(), choice);
        }
        assert_eq!("cuda".parse::<DeviceChoice>().unwrap(), DeviceChoice::Cuda(0));
        assert!("gpu".parse::<DeviceChoice>().is_err());
        assert!("cuda:x".parse::<DeviceChoice>().is_err());
    }

    #[cfg(not(feature = "cuda"))]
    #[test]
    fn a_gpu_asked_for_by_name_is_an_error_that_names_the_feature() {
        let error = DeviceChoice::Cuda(0).open().unwrap_err();
        assert!(error.to_string().contains("--features cuda"), "{error}");
    }

    #[cfg(not(feature = "cuda"))]
    #[test]
    fn auto_without_cuda_is_the_cpu() {
        assert!(DeviceChoice::Auto.open().unwrap().is_cpu());
    }
}
