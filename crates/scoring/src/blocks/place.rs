//! Where a model lies and by which form of the blocks it runs.

use candle_core::Device;

/// A device, and whether its blocks are tensor operations rather than the kernels for the CPU.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub device: Device,
    pub tensors: bool,
}

impl Place {
    /// On the CPU, with its kernels.
    pub(crate) const HOST: Self = Self {
        device: Device::Cpu,
        tensors: false,
    };

    /// What suits a device.
    pub(crate) fn on(device: &Device) -> Self {
        Self {
            device: device.clone(),
            tensors: !device.is_cpu(),
        }
    }
}
