"""The contract between a canvas and what stands behind it: a module for each subject.

A question is `{"id": 7, "op": "draft.change", "params": {…}}`; its answer is `{"id": 7, "result":
…}`, or `{"id": 7, "problem": {…}}` with a `Trouble`. News (`TOPICS`) come unasked:
`{"topic": "progress", "data": …}`. Each question is a class here, named in `questions.QUESTIONS`
with the type of its answer. The TypeScript of all of it is generated
(`extensions/canvas/src/protocol.ts`). Knows the nouns that it shows, and nothing of who answers.
"""
