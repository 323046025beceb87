//! From a declaration to its implementations.

use proc_macro2::TokenStream;
use quote::quote;
use syn::Result;

use crate::model::{Model, Stream};

pub(crate) fn expand(input: TokenStream) -> Result<TokenStream> {
    let Model {
        ident,
        name,
        protocol,
        hash_fields,
        required,
        outputs,
        stream,
    } = Model::of(syn::parse2(input)?)?;
    let required = required
        .iter()
        .map(|(name, empty)| quote!((#name, #protocol::EmptyValue::#empty)));
    let streaming = stream.map(|Stream { field, optional }| {
        let text = if optional {
            quote!(self.#field.get_or_insert_default())
        } else {
            quote!(self.#field)
        };
        quote! {
            #[automatically_derived]
            impl #protocol::StreamingSynapse for #ident {
                fn push(&mut self, text: &str) {
                    #text.push_str(text);
                }
            }
        }
    });
    // Without an output there is nothing to take, and the parameter would be an unused one.
    let answer = if outputs.is_empty() {
        quote!(_answer)
    } else {
        quote!(answer)
    };
    Ok(quote! {
        #[automatically_derived]
        impl #protocol::Synapse for #ident {
            const NAME: &'static str = #name;
            const HASH_FIELDS: &'static [&'static str] = &[#(#hash_fields),*];
            const REQUIRED_FIELDS: &'static [(&'static str, #protocol::EmptyValue)] = &[#(#required),*];

            fn take_answer(&mut self, #answer: Self) {
                #(self.#outputs = answer.#outputs;)*
            }
        }

        #streaming
    })
}
