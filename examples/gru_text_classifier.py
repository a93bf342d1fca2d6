"""A bidirectional GRU over packed sequences of different lengths, with a collate function and RMSprop."""

import argparse
import json

import torch
import torch.nn as nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence
from torch.utils.data import DataLoader, Dataset

PAD = 0


class Reviews(Dataset):
    """Sequences of 5 to 20 tokens whose label says which of two marker tokens is more frequent."""

    def __init__(self, samples=240, vocab_size=50):
        lengths = torch.randint(5, 21, (samples,)).tolist()
        self.texts = [torch.randint(3, vocab_size, (length,)) for length in lengths]
        self.labels = torch.randint(0, 2, (samples,)).float()
        for text, label in zip(self.texts, self.labels):
            marked = torch.rand(len(text)) < 0.3
            text[marked] = 1 + int(label)

    def __len__(self):
        return len(self.texts)

    def __getitem__(self, idx):
        return self.texts[idx], self.labels[idx]


def collate(batch):
    texts, labels = zip(*batch)
    lengths = torch.tensor([len(text) for text in texts])
    return pad_sequence(texts, batch_first=True, padding_value=PAD), lengths, torch.stack(labels)


class Classifier(nn.Module):
    """Masked mean over the outputs of a bidirectional GRU."""

    def __init__(self, vocab_size=50, embedding_dim=24, hidden_size=32):
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, embedding_dim, padding_idx=PAD)
        self.gru = nn.GRU(embedding_dim, hidden_size, batch_first=True, bidirectional=True)
        self.head = nn.Sequential(
            nn.LayerNorm(2 * hidden_size), nn.Dropout(0.3), nn.Linear(2 * hidden_size, 1)
        )

    def forward(self, tokens, lengths):
        embedded = self.embedding(tokens)
        packed = pack_padded_sequence(embedded, lengths, batch_first=True, enforce_sorted=False)
        outputs, _ = self.gru(packed)
        outputs, _ = pad_packed_sequence(outputs, batch_first=True)
        mask = (tokens != PAD).unsqueeze(-1)
        mean = (outputs * mask).sum(dim=1) / mask.sum(dim=1)
        return self.head(mean).squeeze(-1)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--losses", help="write the losses to this JSON file")
    parser.add_argument("--save", help="write a checkpoint here at the end")
    parser.add_argument("--resume", help="go on from this checkpoint")
    args = parser.parse_args()

    torch.manual_seed(args.seed)
    dataset = Reviews()
    train_set, valid_set = torch.utils.data.random_split(dataset, [200, 40])
    train_loader = DataLoader(train_set, batch_size=20, shuffle=True, collate_fn=collate)
    valid_loader = DataLoader(valid_set, batch_size=40, collate_fn=collate)

    model = Classifier()
    criterion = nn.BCEWithLogitsLoss()
    optimizer = torch.optim.RMSprop(model.parameters(), lr=1e-3, momentum=0.5)
    scheduler = torch.optim.lr_scheduler.MultiStepLR(optimizer, milestones=[1, 2], gamma=0.5)

    start_epoch, losses = 0, []
    if args.resume:
        checkpoint = torch.load(args.resume, weights_only=True)
        model.load_state_dict(checkpoint["model"])
        optimizer.load_state_dict(checkpoint["optimizer"])
        scheduler.load_state_dict(checkpoint["scheduler"])
        start_epoch = checkpoint["epoch"]

    epochs = -(-args.steps // len(train_loader))
    step = start_epoch * len(train_loader)
    for epoch in range(start_epoch, epochs):
        # Seeding by epoch makes the order of an epoch independent of where training was taken up.
        torch.manual_seed(args.seed + epoch)
        model.train()
        for tokens, lengths, labels in train_loader:
            if step == args.steps:
                break
            optimizer.zero_grad(set_to_none=True)
            loss = criterion(model(tokens, lengths), labels)
            loss.backward()
            optimizer.step()
            step += 1
            losses.append(loss.item())
            print(f"epoch {epoch} step {step} loss {loss.item():.6f}")
        scheduler.step()

        model.eval()
        with torch.inference_mode():
            tokens, lengths, labels = next(iter(valid_loader))
            predicted = torch.sigmoid(model(tokens, lengths)) > 0.5
            accuracy = (predicted == labels.bool()).float().mean()
        print(f"epoch {epoch} accuracy {accuracy.item():.3f}")

    if args.save:
        torch.save(
            {
                "model": model.state_dict(),
                "optimizer": optimizer.state_dict(),
                "scheduler": scheduler.state_dict(),
                "epoch": epochs,
            },
            args.save,
        )
    if args.losses:
        with open(args.losses, "w") as file:
            json.dump(losses, file)


if __name__ == "__main__":
    main()
